# Builds the self-contained file and runs it as an ordinary user. The file works out the permissions
# of each command line from the settings, as on any other machine.
#
#   docker build --build-arg COMMIT="$(git rev-parse HEAD)" -t transfunctioner .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#     -v keystore:/keystore -v ./passphrase:/run/secrets/passphrase:ro transfunctioner
FROM node:22-bookworm-slim AS build
WORKDIR /app
RUN npm install --global deno@2.9.6
COPY deno.json deno.lock main.ts mod.ts ./
COPY lib ./lib
COPY cli ./cli
ARG COMMIT=unknown
RUN TRANSFUNCTIONER_COMMIT="$COMMIT" deno run -A -q --frozen cli/build/bundle.ts

FROM debian:bookworm-slim
COPY --from=build /app/dist/transfunctioner /usr/local/bin/transfunctioner
RUN useradd --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin transfunctioner \
 && install -d -o 10001 -g 10001 -m 0700 /keystore /var/cache/transfunctioner
USER 10001:10001
ENV TRF_HOME=/keystore \
    TRF_PASSPHRASE_FILE=/run/secrets/passphrase \
    TRANSFUNCTIONER_CACHE=/var/cache/transfunctioner
# Unpacks the runtime now: the root file system may be read-only later.
RUN ["transfunctioner", "version"]
VOLUME /keystore
EXPOSE 45067
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["transfunctioner", "status", "--json"]
ENTRYPOINT ["transfunctioner"]
CMD ["daemon"]
