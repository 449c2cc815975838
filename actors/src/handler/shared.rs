//! Shared: one handler for the whole agent, called in place on every arbiter.
//!
//! Whichever arbiter needs it first makes it, and the others wait for that. After a failure the arbiter
//! on which it failed makes the next one; the others go on with the last one until that is there.

use std::{
    cell::{Cell, Ref, RefCell},
    rc::{self, Rc},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use tokio::sync::{Mutex, Notify};

use super::{
    actor_handler::HandlerActor,
    background::Work,
    call::Call,
    call_slot::CallSlot,
    factory::{Factory, IsActor, IsHandler, IsReady},
    handler::{Adapter, Handler, Handover},
    ready::ReadyHandler,
    reply::{Answer, Reply},
};
use crate::{
    args::FromMessage,
    error::{BoxError, HandlerError},
    origin::Origin,
    spop::Actions,
    supervision::{Catch, FailureSignal, Panic, PanicGuard, Tasks},
};

/// A handler that can be one for the whole agent: a [`HandlerActor`] or a [`ReadyHandler`] that is
/// `Send + Sync`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be one handler for the whole agent",
    label = "is not a `HandlerActor` or `ReadyHandler` that is `Send + Sync`",
    note = "state that all arbiters share is in atomics, in a `Mutex`, or in a crate that is made for it; \
            `Cell`, `RefCell` and `Rc` belong to one arbiter: `Registry::on`, `Registry::on_ready`"
)]
#[async_trait(?Send)]
pub trait SharedHandler<Role>: IsHandler<Role> + Send + Sync + Sized {
    #[doc(hidden)]
    async fn start(&self, tasks: &Tasks) -> Result<(), BoxError>;

    #[doc(hidden)]
    async fn stop(&self);

    #[doc(hidden)]
    #[allow(private_interfaces, reason = "sealed: only the library can name them")]
    fn adapter(current: Current<Self>) -> Box<dyn Adapter>;
}

#[async_trait(?Send)]
impl<H: ReadyHandler + Send + Sync> SharedHandler<IsReady> for H {
    async fn start(&self, tasks: &Tasks) -> Result<(), BoxError> {
        self.started(tasks)
    }

    async fn stop(&self) {}

    #[allow(private_interfaces, reason = "sealed: only the library can name them")]
    fn adapter(current: Current<Self>) -> Box<dyn Adapter> {
        Box::new(SharedReady(current))
    }
}

#[async_trait(?Send)]
impl<H: HandlerActor + Send + Sync> SharedHandler<IsActor> for H {
    async fn start(&self, tasks: &Tasks) -> Result<(), BoxError> {
        self.started(tasks).await
    }

    async fn stop(&self) {
        self.stopping().await;
    }

    #[allow(private_interfaces, reason = "sealed: only the library can name them")]
    fn adapter(current: Current<Self>) -> Box<dyn Adapter> {
        let ask = |instance: Arc<Instance<H>>, args: H::Args, origin: Origin| async move {
            instance.handler.handle(args, &origin).await.map_err(HandlerError::Failed)
        };
        Box::new(SharedActor { current, ask, spare: CallSlot::default() })
    }
}

/// The handler of a route, for all arbiters.
pub(crate) struct Shared<H> {
    /// Held while an instance is made. The arbiters hold the instance: it goes with the last of them.
    newest: Mutex<Weak<Instance<H>>>,
    /// There is another instance.
    changed: Notify,
}

/// A handler at work.
struct Instance<H> {
    handler: PanicGuard<H>,
    has_failed: AtomicBool,
    /// How many arbiters use it. Without any, it is over for good.
    users: AtomicUsize,
    /// On the arbiter that made it.
    work: Work,
}

/// An arbiter that uses an instance.
struct User<H> {
    instance: Arc<Instance<H>>,
    has_left: Cell<bool>,
}

/// The newest instance, as one arbiter uses it.
pub(crate) struct Current<H> {
    user: Rc<RefCell<User<H>>>,
    _follow: Work,
}

impl<H> Default for Shared<H> {
    fn default() -> Self {
        Self { newest: Mutex::new(Weak::new()), changed: Notify::new() }
    }
}

impl<H: Send + Sync + 'static> Shared<H> {
    /// Starts the handler on this arbiter: the one that is there, or a new one if it has failed.
    pub(crate) async fn start<Role, Kind>(
        self: Arc<Self>,
        factory: &impl Factory<Role, H, Kind>,
        signal: FailureSignal,
    ) -> Result<Box<dyn Adapter>, BoxError>
    where
        H: SharedHandler<Role>,
    {
        let user = Rc::new(RefCell::new(self.join_newest(factory, signal).await?));
        let follow = Work::of(self.follow(Rc::downgrade(&user)));
        Ok(H::adapter(Current { user, _follow: follow }))
    }

    async fn join_newest<Role, Kind>(
        &self,
        factory: &impl Factory<Role, H, Kind>,
        signal: FailureSignal,
    ) -> Result<User<H>, BoxError>
    where
        H: SharedHandler<Role>,
    {
        let mut newest = self.newest.lock().await;
        let known = newest.upgrade();
        let at_work = known.filter(|known| !known.has_failed.load(Ordering::Relaxed));
        if let Some(user) = at_work.and_then(User::join) {
            return Ok(user);
        }
        let handler = PanicGuard::new(factory.make().await?);
        let (tasks, work) = Work::start(signal);
        handler.start(&tasks).await?;
        let instance = Arc::new(Instance {
            handler,
            has_failed: AtomicBool::new(false),
            users: AtomicUsize::new(1),
            work,
        });
        *newest = Arc::downgrade(&instance);
        self.changed.notify_waiters();
        Ok(User { instance, has_left: Cell::new(false) })
    }

    /// Has an arbiter use the newest instance from then on that another one makes.
    async fn follow(self: Arc<Self>, user: rc::Weak<RefCell<User<H>>>) {
        loop {
            // From here on, so that none is missed.
            let changed = self.changed.notified();
            let newest = self.newest.lock().await.upgrade();
            let Some(user) = user.upgrade() else { break };
            // It stops: another instance is not for it.
            if user.borrow().has_left.get() {
                break;
            }
            if let Some(newest) = newest
                && !Arc::ptr_eq(&newest, &user.borrow().instance)
                && let Some(next) = User::join(newest)
            {
                // The last one may end here.
                drop(user.replace(next));
            }
            drop(user);
            changed.await;
        }
    }
}

impl<H> User<H> {
    /// Another user, unless the last one has left: then the instance stops, or has stopped.
    fn join(instance: Arc<Instance<H>>) -> Option<Self> {
        let one_more = |users: usize| (users > 0).then_some(users + 1);
        instance.users.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Self { instance, has_left: Cell::new(false) })
    }

    /// Whether nobody uses the instance any more.
    fn leave(&self) -> bool {
        !self.has_left.replace(true) && self.instance.users.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

impl<H> Drop for User<H> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<H> Current<H> {
    #[inline]
    fn get(&self) -> Ref<'_, Arc<Instance<H>>> {
        Ref::map(self.user.borrow(), |user| &user.instance)
    }

    /// The next arbiter that starts the handler makes another instance.
    fn fail(&self) {
        self.get().has_failed.store(true, Ordering::Relaxed);
    }

    /// Ends the handler in good order, on the last arbiter that uses it.
    async fn stop<Role>(&self) -> Result<(), Panic>
    where
        H: SharedHandler<Role>,
    {
        let instance = Arc::clone(&self.get());
        let is_last = self.user.borrow().leave();
        if !is_last {
            return Ok(());
        }
        let stopped = Catch::new(async { instance.handler.stop().await }).await;
        instance.work.end().await;
        stopped
    }
}

/// A shared handler that answers at once.
struct SharedReady<H>(Current<H>);

impl<H: ReadyHandler + Send + Sync> Handler for SharedReady<H> {
    #[inline]
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        match H::Args::from_message(call.message()) {
            Ok(args) => {
                let answer = self.0.get().handler.handle(args, call.origin());
                Reply::now(answer.map_err(HandlerError::Failed), actions)
            }
            Err(error) => Reply::Failed(error.into()),
        }
    }
}

#[async_trait(?Send)]
impl<H: ReadyHandler + Send + Sync> Adapter for SharedReady<H> {
    fn handover(&self) -> Option<Handover> {
        self.0.fail();
        None
    }

    async fn stop(&self) -> Result<(), Panic> {
        self.0.stop::<IsReady>().await
    }
}

/// A shared handler that answers with a future. `Ask` makes the future of a call.
struct SharedActor<H, Ask, Asked> {
    current: Current<H>,
    ask: Ask,
    spare: CallSlot<Asked>,
}

impl<H, Ask, Asked> Handler for SharedActor<H, Ask, Asked>
where
    H: HandlerActor + Send + Sync,
    Ask: Fn(Arc<Instance<H>>, H::Args, Origin) -> Asked + 'static,
    Asked: Future<Output = Answer> + 'static,
{
    fn call(&self, call: &Call<'_>, actions: &mut Actions) -> Reply {
        match H::Args::from_message(call.message()) {
            Ok(args) => {
                let instance = Arc::clone(&self.current.get());
                let asked = (self.ask)(instance, args, call.origin().clone());
                self.spare.poll_once(asked, actions)
            }
            Err(error) => Reply::Failed(error.into()),
        }
    }
}

#[async_trait(?Send)]
impl<H, Ask, Asked> Adapter for SharedActor<H, Ask, Asked>
where
    H: HandlerActor + Send + Sync,
    Ask: Fn(Arc<Instance<H>>, H::Args, Origin) -> Asked + 'static,
    Asked: Future<Output = Answer> + 'static,
{
    fn handover(&self) -> Option<Handover> {
        self.current.fail();
        None
    }

    async fn stop(&self) -> Result<(), Panic> {
        self.current.stop::<IsActor>().await
    }
}
