# syntax=docker/dockerfile:1
#   docker build -t retort .
#   docker run --rm --read-only -p 8080:8080 -e RETORT_UPSTREAM=http://api.internal:9000 retort

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# One file without anything beside it: the target of the compiler itself, glibc linked in. Its own
# look-up of names (files and DNS) has been part of libc.a since 2.34. musl would do as well, but its
# allocator is slow with several threads.
ARG PROFILE=dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo rustc --locked --profile "$PROFILE" --bin retort -- -C target-feature=+crt-static \
    && install -D "target/$PROFILE/retort" /image/retort \
    && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt

FROM scratch
LABEL org.opencontainers.image.title="Retort" \
      org.opencontainers.image.description="A reverse proxy that answers for upstreams whose errors say too little" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
COPY LICENSE /LICENSE
COPY conf /etc/retort
# Mount a directory over /etc/retort to bring other rules; a mounted single file is not seen to change.
# 9901 has the page and the metrics. It listens inside of the container only, unless RETORT_ADMIN says
# otherwise: who reaches it can see the rules and reload them.
ENV RETORT_RULES=/etc/retort/response-messaging.cfg.xml \
    RETORT_LISTEN=0.0.0.0:8080 \
    RETORT_ADMIN=127.0.0.1:9901
USER 65532:65532
EXPOSE 8080 9901
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/retort", "health"]
ENTRYPOINT ["/retort"]
CMD ["serve"]
