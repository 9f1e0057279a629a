//! The threads of a small crew keep off their caller's processor.
//!
//! Where they are woken Linux may put one of two threads on the processor of who woke it, and leave it there for some
//! milliseconds while the other one idles: short work takes twice as long then. So whenever the caller is on another
//! processor than at its last call, the others may run on all but that one. A large crew is left alone: there one thread
//! more or less is little, and there are many to tell.
//!
//! Flows in: the threads, who call in at their start. Flows out: nothing. Who should not use it: anyone but `crew`.

#[cfg(target_os = "linux")]
pub(super) use linux::Apart;
#[cfg(not(target_os = "linux"))]
pub(super) use other::Apart;

#[cfg(target_os = "linux")]
mod linux {
    use std::mem::{size_of, zeroed};
    use std::sync::atomic::{AtomicI32, Ordering};
    use std::sync::{Mutex, PoisonError};

    /// The most threads that are told, the caller counted.
    const FEW: usize = 4;

    /// The threads, and the processor that they keep off.
    #[derive(Debug)]
    pub(in super::super) struct Apart {
        threads: Mutex<Vec<libc::pid_t>>,
        off: AtomicI32,
    }

    impl Default for Apart {
        fn default() -> Apart {
            Apart { threads: Mutex::default(), off: AtomicI32::new(-1) }
        }
    }

    impl Apart {
        /// Called by each of the threads.
        pub(in super::super) fn enter(&self) {
            // SAFETY: the call has no arguments and cannot fail.
            let id = unsafe { libc::syscall(libc::SYS_gettid) } as libc::pid_t;
            self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(id);
            // Whoever comes late is told at the next call.
            self.off.store(-1, Ordering::Relaxed);
        }

        /// Called by the caller. What the system refuses stays as it is.
        pub(in super::super) fn keep_off(&self) {
            // SAFETY: the call has no arguments.
            let here = unsafe { libc::sched_getcpu() };
            if here < 0 || self.off.swap(here, Ordering::Relaxed) == here {
                return;
            }
            let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            if threads.len() >= FEW {
                return;
            }
            // SAFETY: a set of processors is plain bits, as long as is said. The threads live as long as the crew; of a number
            // that is no thread's the system says so.
            unsafe {
                let mut set: libc::cpu_set_t = zeroed();
                let size = size_of::<libc::cpu_set_t>();
                if libc::sched_getaffinity(0, size, &raw mut set) != 0 || libc::CPU_COUNT(&set) < 2 {
                    return;
                }
                libc::CPU_CLR(here as usize, &mut set);
                for thread in threads.iter() {
                    libc::sched_setaffinity(*thread, size, &raw const set);
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    /// Other systems place threads as they do.
    #[derive(Debug, Default)]
    pub(in super::super) struct Apart;

    impl Apart {
        pub(in super::super) fn enter(&self) {}

        pub(in super::super) fn keep_off(&self) {}
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::Apart;
    use std::mem::{size_of, zeroed};
    use std::sync::mpsc::channel;

    /// The processors on which this thread may run.
    fn allowed() -> Vec<usize> {
        // SAFETY: a set of processors is plain bits, as long as is said.
        unsafe {
            let mut set: libc::cpu_set_t = zeroed();
            libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set);
            (0..libc::CPU_SETSIZE as usize).filter(|cpu| libc::CPU_ISSET(*cpu, &set)).collect()
        }
    }

    #[test]
    fn others_keep_off_one_of_the_processors() {
        let (apart, here) = (Apart::default(), allowed());
        let ((to, from), (answer, answers)) = (channel(), channel());
        std::thread::scope(|scope| {
            let apart = &apart;
            scope.spawn(move || {
                apart.enter();
                while from.recv().is_ok() {
                    let _ = answer.send(allowed());
                }
            });
            for round in 0..2 {
                let _ = to.send(());
                let there = answers.recv().unwrap_or_default();
                let fewer = round > 0 && here.len() > 1;
                assert_eq!(there.len(), here.len() - usize::from(fewer), "{here:?} {there:?}");
                assert!(there.iter().all(|cpu| here.contains(cpu)));
                apart.keep_off();
            }
            drop(to);
        });
        assert_eq!(allowed(), here);
    }
}
