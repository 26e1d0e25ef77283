//! Listens to the access log of every proxy in this process.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{Condvar, Mutex, OnceLock},
};

use tracing::{Event, Metadata, Subscriber, field, span};

use super::PATIENCE;

/// The fields of an access event.
pub(crate) type Fields = HashMap<&'static str, String>;

/// Logging a request for this path panics, as a log may do.
const PANIC: &str = "/panic";

#[derive(Default)]
struct Log {
    events: Mutex<HashMap<String, Fields>>,
    came: Condvar,
}

/// Begins to listen. Returns what waits for the event of the request with an id.
pub(crate) fn access() -> impl Fn(&str) -> Fields {
    static LOG: OnceLock<&'static Log> = OnceLock::new();
    let log = *LOG.get_or_init(|| {
        let log = Box::leak(Box::default());
        tracing::subscriber::set_global_default(Listener(log)).unwrap();
        log
    });
    move |id| {
        let events = log.events.lock().unwrap();
        let missing = |events: &mut HashMap<String, Fields>| !events.contains_key(id);
        let (events, _) = log.came.wait_timeout_while(events, PATIENCE, missing).unwrap();
        events.get(id).unwrap_or_else(|| panic!("no event for {id}")).clone()
    }
}

struct Listener(&'static Log);

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "retort::access"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Visitor::default();
        event.record(&mut fields);
        assert_ne!(fields.0.get("path").map(String::as_str), Some(PANIC), "as asked for");
        if let Some(id) = fields.0.get("id").cloned() {
            self.0.events.lock().unwrap().insert(id, fields.0);
            self.0.came.notify_all();
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Visitor(Fields);

impl field::Visit for Visitor {
    fn record_str(&mut self, field: &field::Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &field::Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
