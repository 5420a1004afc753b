# One image for everything: `serve` (workers, HTTP), the command line, and the simulator.
# It runs as nobody in particular (uid 10001) on a read-only root file system; only /tmp (a tmpfs) and /srv/media are written.

# Behind a proxy or a mirror: --build-arg NPM_CONFIG_REGISTRY=https://… and --build-arg NPM_CONFIG_CA="$(cat ca.pem)".

FROM node:24-bookworm-slim AS dependencies
ARG NPM_CONFIG_REGISTRY
ARG NPM_CONFIG_CA
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Peers that nobody loads (TypeScript, 31 MB) and BullMQ's native helper stay away; no package runs a script of its own.
RUN npm ci --omit=dev --omit=peer --omit=optional --ignore-scripts \
    && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' -o -name '*.md' \) -delete

FROM node:24-bookworm-slim AS build
ARG NPM_CONFIG_REGISTRY
ARG NPM_CONFIG_CA
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && find dist -name '*.d.ts' -delete

FROM node:24-bookworm-slim
# Nothing is installed or built in here any more.
RUN rm -rf /usr/local/lib/node_modules /opt/yarn* /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
    && groupadd --gid 10001 media && useradd --uid 10001 --gid media --no-create-home --home-dir /tmp --shell /usr/sbin/nologin media \
    && install --directory --owner=media --group=media /srv/media /srv/media/sources
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY demo demo

ENV NODE_ENV=production \
    # V8's work is done once, here, and not at every start: the cache belongs to this Node and these paths.
    NODE_COMPILE_CACHE=/app/.compile-cache \
    # Inside a container loopback is nobody; what is reachable is decided by what is published.
    WECOM_MEDIA_HOST=0.0.0.0 \
    WECOM_MEDIA_ADMIN_HOST=0.0.0.0 \
    # Roots hold only what every caller may send: neither downloads nor the bodies of others, which lie beside them.
    WECOM_MEDIA_FILES=/srv/media \
    WECOM_MEDIA_ROOTS=/srv/media/sources
RUN node bin/wecom-media.js --version

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="wecom-media" \
      org.opencontainers.image.description="Background worker for WeCom (企业微信) media" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

USER 10001:10001
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
# Alive, not ready: whoever restarts unhealthy containers must not do so because Redis is away.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "/app/bin/health.js", "/livez"]
# Exec form: node itself is process 1 and hears SIGTERM.
ENTRYPOINT ["node", "/app/bin/wecom-media.js"]
CMD ["serve"]
