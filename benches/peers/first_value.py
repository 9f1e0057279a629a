"""x^2 and its slope at 1 by a peer, as a process of its own: `first_value.py numpy|numba|jax` prints them."""

import sys

peer = sys.argv[1]
if peer == "numpy":
    import numpy as np

    x = np.float64(1)
    print(float(x * x), float(2 * x), sep="\n")
elif peer == "numba":
    import numba

    both = numba.njit(lambda x: (x * x, 2 * x))
    print(*both(1.0), sep="\n")
else:
    import jax

    f, slope = jax.jit(jax.value_and_grad(lambda x: x**2))(1.0)
    print(float(f), float(slope), sep="\n")
