//! SIGUSR1: open the file anew.

use std::{io, thread};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

use super::AccessLog;

/// Listens for the signal to the end of the process.
pub(super) fn listen(log: Option<AccessLog>) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _entered = runtime.enter();
        signal(SignalKind::user_defined1())?
    };
    let Some(log) = log else { return Ok(()) };
    let obey = async move {
        while signals.recv().await.is_some() {
            log.reopen();
        }
    };
    thread::Builder::new().name("retort-sigusr1".into()).spawn(move || runtime.block_on(obey))?;
    Ok(())
}
