//! `retort error-backend`: the server that other proxies ask for their error pages.

use std::sync::Arc;

use clap::Args;

use super::{
    console::Console,
    exit::Exit,
    identity::Identity,
    listener::{self, Listener, WatchedRules},
    logging::{Access, Log},
    serve::{admin::Admin, life::Life},
    supervised,
};
use crate::{
    exchange::error_request::Forwarded,
    host::pingora::{Options, Server},
};

/// Answer for other proxies: be their custom error backend
///
/// Takes the place of a backend that ingress-nginx, Traefik or another proxy asks for its error pages;
/// the proxy stays as it is. The status to answer is that of the X-Code header, else of the last segment
/// of the path (/503, /503.html, /errors/503.json), else of the query (?code=503, ?status=503), and must be
/// from 300 to 599; a request that names none is answered with 404, as a default backend does. The answer has
/// that status, unless a rule sends another; Traefik sends its own whatever comes.
///
/// Rules see the request of the client: the path and query of X-Original-URI (or X-Forwarded-Uri, or the
/// parameter `url` of the query), the Accept header in X-Format, the method of X-Original-Method, the host
/// of X-Original-Host; else what the asking request has itself. Where the client accepts anything, an
/// extension (.html, .json, .xml, .txt) chooses the message. The response counts as one of an upstream
/// (`source`), and as empty, so that `overwrite` is of no matter; where no rule answers, a short generic
/// message does. Other headers of the request can be used as ever: `%{X-Ingress-Name}i`.
///
/// GET /healthz is answered with 200 `ok`, without asking the rules. Rules are watched, and flags can be set
/// in the environment and in a settings file, as with `retort serve`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ErrorBackend {
    #[command(flatten)]
    rules: WatchedRules,
    #[command(flatten)]
    listener: Listener,
    /// Do not believe X-Forwarded- headers: the proxy that asks passes on what its clients make up
    ///
    /// Otherwise the client (`%a`) is the last address of X-Forwarded-For, and X-Forwarded-Host, -Method and
    /// -Uri stand in where there is no X-Original- header.
    #[arg(long, env = "RETORT_IGNORE_FORWARDED")]
    ignore_forwarded: bool,
    #[command(flatten)]
    life: Life,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    log: Log,
    #[command(flatten)]
    access: Access,
}

const AFTER_HELP: &str = "Examples:
  retort error-backend --rules rules.xml --listen [::]:8080
  curl -H 'X-Code: 503' -H 'X-Format: text/html' -H 'X-Original-URI: /a' http://127.0.0.1:8080

ingress-nginx, for all ingresses: a flag of the controller, and its ConfigMap
  --default-backend-service=NAMESPACE/retort
  data:
    custom-http-errors: \"404,500,502,503,504\"

ingress-nginx, for one ingress, with a service `retort` in its namespace:
  annotations:
    nginx.ingress.kubernetes.io/custom-http-errors: \"404,500,502,503,504\"
    nginx.ingress.kubernetes.io/default-backend: retort

Traefik, as a middleware:
  spec:
    errors:
      status: [\"404\", \"500-599\"]
      query: /{status}?url={url}
      service: {name: retort, port: 8080}

nginx:
  proxy_intercept_errors on;
  error_page 502 503 504 @retort;
  location @retort {
    proxy_intercept_errors off;
    proxy_set_header X-Code $status;
    proxy_set_header X-Original-URI $request_uri;
    proxy_set_header Host $host;
    proxy_pass http://127.0.0.1:8080;
  }";

impl ErrorBackend {
    pub(super) fn run(self, console: Console) -> anyhow::Result<Exit> {
        self.log.start(console)?;
        let mut options = self.options();
        let access = self.access.start(&mut options, console)?;
        let reloader = Arc::new(self.rules.watch(console)?);
        let live = Arc::clone(reloader.live());
        let server = Server::bind_error_backend(options, self.forwarded(), live);
        let server = server.map_err(listener::refused)?;
        let admin = (self.rules.rules.as_path(), &self.identity, self.life.takes_over());
        let _admin = self.admin.start(&server, &reloader, admin)?;
        server.obey_signals();
        tracing::info!(on = listener::listed(server.addresses()), "listening for other proxies");
        supervised::run(server, reloader);
        access.end();
        Ok(Exit::Fine)
    }

    fn options(&self) -> Options {
        let mut options = Options::new(self.listener.listen.clone(), Vec::new());
        self.listener.apply(&mut options);
        self.life.apply(&mut options);
        self.access.apply(&mut options);
        options.request_id_headers.clone_from(&self.identity.request_id_header);
        options.user_header = self.identity.user_header.clone();
        options
    }

    fn forwarded(&self) -> Forwarded {
        if self.ignore_forwarded { Forwarded::Ignored } else { Forwarded::Believed }
    }
}
