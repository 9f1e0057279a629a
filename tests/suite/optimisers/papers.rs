//! The optimisers as their authors wrote them down: one step each, in f64, with the papers' quantities.

pub(super) type Vector = [f64; 2];

/// What an optimiser keeps, by its paper's names where it is written down below.
#[derive(Clone, Copy, Default)]
pub(super) struct Memory {
    pub(super) x: Vector,
    pub(super) a: Vector,
    pub(super) b: Vector,
    pub(super) c: Vector,
    /// The keys of the noise.
    pub(super) keys: [Vector; 2],
    pub(super) scalars: [f64; 3],
}

/// One step, the t-th.
pub(super) type Step = fn(&dyn Fn(&str) -> f64, i32, &mut Memory, fn(Vector) -> Vector);

pub(super) fn each(mut update: impl FnMut(usize) -> f64) -> Vector {
    [update(0), update(1)]
}

fn norm(v: Vector) -> f64 {
    (v[0] * v[0] + v[1] * v[1]).sqrt()
}

/// First and second moment of Adam and its kin, in `a` and `b`.
fn moments(p: &dyn Fn(&str) -> f64, s: &mut Memory, g: Vector) {
    let (b1, b2) = (p("beta1"), p("beta2"));
    s.a = each(|i| b1 * s.a[i] + (1.0 - b1) * g[i]);
    s.b = each(|i| b2 * s.b[i] + (1.0 - b2) * g[i] * g[i]);
}

/// The pseudo-code of a rule.
pub(super) fn step_of(name: &str) -> Option<Step> {
    Some(match name {
        "gd" => |p, _, s, gradient| {
            let g = gradient(s.x);
            s.x = each(|i| s.x[i] - p("lr") * g[i]);
        },
        // Polyak (9): with the point before in place of a velocity.
        "momentum" => |p, t, s, gradient| {
            let (g, now) = (gradient(s.x), s.x);
            let before = if t == 1 { s.x } else { s.a };
            s.x = each(|i| now[i] - p("lr") * g[i] + p("beta") * (now[i] - before[i]));
            s.a = now;
        },
        // Sutskever and others (3), (4), from theta in `b` with the velocity in `a`; x is where they take the gradient.
        "nesterov" => |p, t, s, gradient| {
            let (rate, mu) = (p("lr"), p("beta"));
            if t == 1 {
                s.b = s.x;
            }
            let g = gradient(each(|i| s.b[i] + mu * s.a[i]));
            s.a = each(|i| mu * s.a[i] - rate * g[i]);
            s.b = each(|i| s.b[i] + s.a[i]);
            s.x = each(|i| s.b[i] + mu * s.a[i]);
        },
        "adagrad" => |p, _, s, gradient| {
            let g = gradient(s.x);
            s.a = each(|i| s.a[i] + g[i] * g[i]);
            s.x = each(|i| s.x[i] - p("lr") / (s.a[i].sqrt() + p("eps")) * g[i]);
        },
        "rmsprop" => |p, _, s, gradient| {
            let (g, rho) = (gradient(s.x), p("rho"));
            s.a = each(|i| rho * s.a[i] + (1.0 - rho) * g[i] * g[i]);
            s.x = each(|i| s.x[i] - p("lr") * g[i] / (s.a[i].sqrt() + p("eps")));
        },
        // Zeiler, algorithm 1: E[g^2] in `a`, E[dx^2] in `b`.
        "adadelta" => |p, _, s, gradient| {
            let (g, rho) = (gradient(s.x), p("rho"));
            s.a = each(|i| rho * s.a[i] + (1.0 - rho) * g[i] * g[i]);
            let rms = |mean: f64| (mean + p("eps")).sqrt();
            let dx = each(|i| -rms(s.b[i]) / rms(s.a[i]) * g[i]);
            s.b = each(|i| rho * s.b[i] + (1.0 - rho) * dx[i] * dx[i]);
            s.x = each(|i| s.x[i] + p("lr") * dx[i]);
        },
        "adam" => |p, t, s, gradient| {
            moments(p, s, gradient(s.x));
            let (m, v) = (s.a.map(|m| m / (1.0 - p("beta1").powi(t))), s.b.map(|v| v / (1.0 - p("beta2").powi(t))));
            s.x = each(|i| s.x[i] - p("lr") * m[i] / (v[i].sqrt() + p("eps")));
        },
        "amsgrad" => |p, _, s, gradient| {
            moments(p, s, gradient(s.x));
            s.c = each(|i| s.c[i].max(s.b[i]));
            s.x = each(|i| s.x[i] - p("lr") * s.a[i] / (s.c[i].sqrt() + p("eps")));
        },
        "adamax" => |p, t, s, gradient| {
            let (g, b1) = (gradient(s.x), p("beta1"));
            s.a = each(|i| b1 * s.a[i] + (1.0 - b1) * g[i]);
            s.b = each(|i| (p("beta2") * s.b[i]).max(g[i].abs() + p("eps")));
            s.x = each(|i| s.x[i] - p("lr") / (1.0 - b1.powi(t)) * s.a[i] / s.b[i]);
        },
        "nadam" => |p, t, s, gradient| {
            let (g, b1) = (gradient(s.x), p("beta1"));
            moments(p, s, g);
            let m = each(|i| b1 * s.a[i] / (1.0 - b1.powi(t + 1)) + (1.0 - b1) * g[i] / (1.0 - b1.powi(t)));
            let v = s.b.map(|v| v / (1.0 - p("beta2").powi(t)));
            s.x = each(|i| s.x[i] - p("lr") * m[i] / (v[i].sqrt() + p("eps")));
        },
        "adamw" => |p, t, s, gradient| {
            moments(p, s, gradient(s.x));
            let (m, v) = (s.a.map(|m| m / (1.0 - p("beta1").powi(t))), s.b.map(|v| v / (1.0 - p("beta2").powi(t))));
            s.x = each(|i| s.x[i] - p("lr") * (m[i] / (v[i].sqrt() + p("eps")) + p("decay") * s.x[i]));
        },
        "adabelief" => |p, t, s, gradient| {
            let (g, b1, b2) = (gradient(s.x), p("beta1"), p("beta2"));
            s.a = each(|i| b1 * s.a[i] + (1.0 - b1) * g[i]);
            s.b = each(|i| b2 * s.b[i] + (1.0 - b2) * (g[i] - s.a[i]).powi(2) + p("eps"));
            let (m, v) = (s.a.map(|m| m / (1.0 - b1.powi(t))), s.b.map(|v| v / (1.0 - b2.powi(t))));
            s.x = each(|i| s.x[i] - p("lr") * m[i] / (v[i].sqrt() + p("eps")));
        },
        "lion" => |p, _, s, gradient| {
            let (g, b1, b2) = (gradient(s.x), p("beta1"), p("beta2"));
            let c = each(|i| b1 * s.a[i] + (1.0 - b1) * g[i]);
            s.x = each(|i| s.x[i] - p("lr") * (sign(c[i]) + p("decay") * s.x[i]));
            s.a = each(|i| b2 * s.a[i] + (1.0 - b2) * g[i]);
        },
        "sign" => |p, _, s, gradient| {
            let g = gradient(s.x);
            s.x = each(|i| s.x[i] - p("lr") * sign(g[i]));
        },
        // Igel and Huesken, iRprop-: step sizes in `a`, the gradient before in `b`.
        "rprop" => |p, t, s, gradient| {
            let mut g = gradient(s.x);
            for (i, g) in g.iter_mut().enumerate() {
                if t == 1 {
                    s.a[i] = p("lr");
                } else if s.b[i] * *g > 0.0 {
                    s.a[i] = (s.a[i] * p("grow")).min(p("most"));
                } else if s.b[i] * *g < 0.0 {
                    s.a[i] = (s.a[i] * p("shrink")).max(p("least"));
                    *g = 0.0;
                }
                s.x[i] -= sign(*g) * s.a[i];
            }
            s.b = g;
        },
        "normalised" => |p, _, s, gradient| {
            let g = gradient(s.x);
            s.x = each(|i| s.x[i] - p("lr") * g[i] / (norm(g) + p("eps")));
        },
        "langevin" => |p, t, s, gradient| {
            let g = gradient(s.x);
            let size = (2.0 * p("lr") * p("temperature")).sqrt();
            s.x = each(|i| s.x[i] - p("lr") * g[i] + size * deviate([s.keys[0][i], s.keys[1][i]], t as u32));
        },
        // Ivgi and others: eta_t = rbar_t / sqrt(G_t), with rbar_0 = first (1 + |x_0|); x_0 in `a`.
        "dog" => |p, t, s, gradient| {
            let g = gradient(s.x);
            if t == 1 {
                s.a = s.x;
                s.scalars[0] = p("first") * (1.0 + norm(s.x));
            } else {
                s.scalars[0] = s.scalars[0].max(norm(each(|i| s.x[i] - s.a[i])));
            }
            s.scalars[1] += norm(g).powi(2);
            s.x = each(|i| s.x[i] - p("lr") * s.scalars[0] / (s.scalars[1] + p("eps")).sqrt() * g[i]);
        },
        "prodigy" => prodigy,
        _ => return None,
    })
}

/// Mishchenko and Defazio, algorithm 4: m in `a`, v in `b`, s in `c`; d, r in the scalars; x_0 in the place of keys.
fn prodigy(p: &dyn Fn(&str) -> f64, t: i32, s: &mut Memory, gradient: fn(Vector) -> Vector) {
    let g = gradient(s.x);
    if t == 1 {
        s.keys[0] = s.x;
        s.scalars[0] = p("first");
    }
    let (d, gamma, b1, b2) = (s.scalars[0], p("lr"), p("beta1"), p("beta2"));
    let root = b2.sqrt();
    s.a = each(|i| b1 * s.a[i] + (1.0 - b1) * d * g[i]);
    s.b = each(|i| b2 * s.b[i] + (1.0 - b2) * d * d * g[i] * g[i]);
    let inner: f64 = (0..2).map(|i| g[i] * (s.keys[0][i] - s.x[i])).sum();
    s.scalars[1] = root * s.scalars[1] + (1.0 - root) * gamma * d * d * inner;
    s.c = each(|i| root * s.c[i] + (1.0 - root) * gamma * d * d * g[i]);
    s.x = each(|i| s.x[i] - gamma * d * s.a[i] / (s.b[i].sqrt() + d * p("eps")));
    s.scalars[0] = d.max(s.scalars[1] / (s.c[0].abs() + s.c[1].abs()));
}

fn sign(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.signum() }
}

/// The noise, from its description: Threefry-2x32-20 (Salmon and others, 2011), then Box and Muller.
pub(crate) fn deviate(keys: [f64; 2], count: u32) -> f64 {
    let k = [keys[0] as u32, keys[1] as u32, 0x1bd1_1bda ^ keys[0] as u32 ^ keys[1] as u32];
    let (mut x, mut y) = (count.wrapping_add(k[0]), k[1]);
    for (group, turns) in [[13, 15, 26, 6], [17, 29, 16, 24]].into_iter().cycle().take(5).enumerate() {
        for turn in turns {
            x = x.wrapping_add(y);
            y = y.rotate_left(turn) ^ x;
        }
        x = x.wrapping_add(k[(group + 1) % 3]);
        y = y.wrapping_add(k[(group + 2) % 3]).wrapping_add(group as u32 + 1);
    }
    let odd = |word: u32| f64::from((word >> 10) * 2 + 1) * 2f64.powi(-23);
    (-2.0 * odd(x).ln()).sqrt() * (std::f64::consts::PI * (odd(y) - 0.5)).sin()
}
