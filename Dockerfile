# Builds the program with the Deno that the npm registry carries, and runs it as an ordinary user.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY deno.json deno.lock ./
RUN npm install --global deno@2.9.6
COPY main.ts mod.ts ./
COPY lib ./lib
COPY cli ./cli
ENV DENO_DIR=/deno
RUN deno task build && deno cache --frozen main.ts

FROM node:22-bookworm-slim
COPY --from=build /usr/local/lib/node_modules/deno /usr/local/lib/node_modules/deno
COPY --from=build /deno /deno
COPY --from=build /app /app
RUN ln -s /usr/local/lib/node_modules/deno/deno /usr/local/bin/deno \
 && useradd --uid 10001 --home-dir /keystore --shell /usr/sbin/nologin transfunctioner \
 && install -d -o 10001 -g 10001 -m 0700 /keystore \
 && chown -R 10001:10001 /deno
USER 10001
WORKDIR /app
ENV DENO_DIR=/deno TRF_HOME=/keystore TRF_LISTEN_ADDRESS=0.0.0.0:45067
VOLUME /keystore
EXPOSE 45067
ENTRYPOINT ["deno", "run", "-q", "--no-prompt", "--frozen", "--cached-only", \
  "--allow-read=/keystore", "--allow-write=/keystore", "--allow-env=TRF_*", \
  "--allow-net=0.0.0.0/0:45067,[::]/0:45067,127.0.0.1:45068", "main.ts"]
CMD ["daemon"]
