# Builds reelmesh and an image that holds it and FFmpeg's libraries alone. Passing the image on means
# passing on a binary linked to a GPL FFmpeg: README, Licence.
FROM rust:1.95-bookworm AS build
WORKDIR /reelmesh
COPY scripts scripts
COPY Cargo.toml Cargo.toml
RUN scripts/bootstrap.sh base
COPY . .
RUN cargo build --locked --release --bin reelmesh

FROM debian:bookworm-slim
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends \
        libavcodec59 libavfilter8 libavformat59 libavutil57 libswresample4 libswscale6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home reelmesh
COPY --from=build /reelmesh/target/release/reelmesh /usr/local/bin/reelmesh
USER reelmesh
ENTRYPOINT ["reelmesh"]
