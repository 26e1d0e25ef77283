# syntax=docker/dockerfile:1
#   docker build -t retort .
#   docker run --rm -p 8080:8080 -e RETORT_UPSTREAM=http://api.internal:9000 retort

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --bin retort \
    && cp target/dist/retort /retort

# glibc stays a shared library: a static one cannot look host names up by the system's own means.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="Retort" \
      org.opencontainers.image.description="A reverse proxy that answers for upstreams whose errors say too little" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /retort /retort
COPY LICENSE /LICENSE
COPY conf /etc/retort
# Mount a folder over /etc/retort to bring other rules; a mounted single file is not seen to change.
ENV RETORT_RULES=/etc/retort/response-messaging.cfg.xml \
    RETORT_LISTEN=0.0.0.0:8080
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/retort"]
CMD ["serve"]
