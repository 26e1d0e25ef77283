//! SIGHUP: look now.

use std::{
    io,
    sync::{Arc, Weak},
    thread,
};

use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
};

use super::inbox::Inbox;

/// From now on, SIGHUP leaves a request in the inbox. Ends with the inbox, except that a signal
/// handler once installed stays.
pub(super) fn listen(inbox: &Arc<Inbox>) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let hangups = {
        let _entered = runtime.enter();
        signal(SignalKind::hangup())?
    };
    let inbox = Arc::downgrade(inbox);
    thread::Builder::new()
        .name("retort-sighup".into())
        .spawn(move || runtime.block_on(pass_on(hangups, inbox)))?;
    Ok(())
}

async fn pass_on(mut hangups: Signal, inbox: Weak<Inbox>) {
    while hangups.recv().await.is_some() {
        let Some(inbox) = inbox.upgrade() else { return };
        inbox.ask(None);
    }
}
