//! Panics: caught ones become values with message and location, and are not printed.
//!
//! The default panic hook takes milliseconds per panic, because it can resolve a backtrace. That is
//! too much for a panic that is caught, answered and logged.

use std::{
    any::Any,
    cell::Cell,
    fmt,
    ops::{Deref, DerefMut},
    panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind},
    pin::Pin,
    sync::Once,
    task::{Context, Poll},
};

use crate::{log, observe::RateLimit, spop::ForeignText};

thread_local! {
    /// How many nested `catch` calls the thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Where the last caught panic was. While a thread ends, this can be destroyed before something
    /// else of the thread panics in its drop: a panic hook that panics ends the process.
    static LOCATION: Cell<Option<String>> = const { Cell::new(None) };
}

/// A panic that the agent caught.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Panic(Box<Caught>);

/// Boxed, because most results have no panic.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Caught {
    message: String,
    location: Option<String>,
}

impl Panic {
    /// The message of the panic.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The source location: file, line and column. `None` if the process has replaced the agent's
    /// panic hook.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    pub(crate) fn new(payload: Box<dyn Any + Send>, location: Option<String>) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        // A payload of the user's own type can panic once more in its drop; that second payload is
        // forgotten.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        Self(Box::new(Caught { message, location }))
    }
}

/// `index out of bounds at src/reputation.rs:12:5`
impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ForeignText::of(&self.0.message).fmt(f)?;
        self.0.location.as_ref().map_or(Ok(()), |location| write!(f, " at {location}"))
    }
}

/// Installs a panic hook that prints nothing for panics caught here. All other panics reach the
/// previous hook.
pub(crate) fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| match DEPTH.get() {
            0 => others(panic),
            _ => note(panic),
        }));
    });
}

fn note(panic: &PanicHookInfo<'_>) {
    // A hook must not panic, wait or log: it runs inside the code that panicked.
    let location = panic.location().map(ToString::to_string);
    let _ = LOCATION.try_with(|known| known.set(location));
}

/// Where the last caught panic was, if known.
fn location() -> Option<String> {
    LOCATION.try_with(Cell::take).ok().flatten()
}

/// Runs `work`, and turns a panic in it into a value.
#[inline(always)]
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    // Counted, because calls nest: an inner call leaves the outer one in place.
    DEPTH.set(DEPTH.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    done.map_err(|payload| Panic::new(payload, location()))
}

/// A value of the user's type whose drop cannot panic outward.
pub(crate) struct PanicGuard<T>(Option<T>);

impl<T> PanicGuard<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T> Deref for PanicGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        let Some(value) = &self.0 else { unreachable!("it is there until it is dropped") };
        value
    }
}

impl<T> DerefMut for PanicGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        let Some(value) = &mut self.0 else { unreachable!("it is there until it is dropped") };
        value
    }
}

impl<T> Drop for PanicGuard<T> {
    fn drop(&mut self) {
        // Taken out before it is dropped: a value that panics in its drop is not dropped again.
        let value = self.0.take();
        if let Err(panic) = catch(|| drop(value)) {
            report(format_args!("the drop of a handler or a call"), &panic);
        }
    }
}

/// Logs a panic that changes nothing, at most one per second and thread.
#[cold]
pub(crate) fn report(what: fmt::Arguments<'_>, panic: &Panic) {
    thread_local! {
        static LOG: RateLimit = RateLimit::default();
    }
    // While a thread ends, its thread-local rate limit is destroyed already.
    let permit = LOG.try_with(RateLimit::permit);
    if let Ok(Some(suppressed)) = permit {
        let _ = catch(|| log::error!(suppressed, "panic in {what}: {panic}; fix the handler"));
    }
}

/// A future whose panic becomes a value; its drop is caught too.
pub(crate) struct Catch<F>(PanicGuard<Pin<Box<F>>>);

impl<F: Future> Catch<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(PanicGuard::new(Box::pin(future)))
    }
}

impl<F: Future> Future for Catch<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        match catch(|| self.0.as_mut().poll(task)) {
            Ok(progress) => progress.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn a_caught_panic_says_what_happened_and_where() {
        install_panic_hook();
        let panic = catch(|| panic!("as {}", "asked")).unwrap_err();
        assert_eq!(panic.message(), "as asked");
        assert!(panic.location().unwrap().contains("panics.rs:"), "{panic}");
        assert!(panic.to_string().starts_with("as asked at "), "{panic}");
    }

    /// The first value of a thread that is used is the last that ends: behind the place of a panic.
    #[test]
    fn a_panic_that_is_caught_while_its_thread_ends_ends_neither_the_process_nor_the_thread() {
        struct Last;
        impl Drop for Last {
            fn drop(&mut self) {
                LOCATION.try_with(|_| ()).unwrap_err();
                let panic = catch(|| panic!("at last")).unwrap_err();
                assert_eq!((panic.message(), panic.location()), ("at last", None));
                ENDED.store(true, Ordering::SeqCst);
            }
        }
        thread_local!(static LAST: Last = const { Last });
        static ENDED: AtomicBool = AtomicBool::new(false);
        install_panic_hook();
        let thread = thread::spawn(|| {
            LAST.with(|_| ());
            catch(|| panic!("before")).unwrap_err()
        });
        assert_eq!(thread.join().unwrap().message(), "before");
        assert!(ENDED.load(Ordering::SeqCst));
    }

    #[test]
    fn a_payload_that_panics_when_it_is_dropped_does_no_harm() {
        struct Trap;
        impl Drop for Trap {
            fn drop(&mut self) {
                panic!("once more");
            }
        }
        let panic = catch(|| panic::panic_any(Trap)).unwrap_err();
        assert_eq!(panic.message(), "no message");
    }
}
