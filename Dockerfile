# All services in one image, and Nginx with the page in another: docker build --target rabble | --target nginx .
FROM node:24-bookworm-slim AS build
WORKDIR /rabble
COPY . .
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund --loglevel=error && \
    npx tsc -b services/gateway services/history services/rooms services/api-docs web && \
    npm run bundle --workspace packages/contract && npm run build --workspace web && npm run build --workspace services/api-docs

# What the services need at run time, and nothing else.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /rabble
COPY . .
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --no-audit --no-fund --loglevel=error \
      --workspace services/gateway --workspace services/history --workspace services/rooms

FROM node:24-bookworm-slim AS rabble
ENV NODE_ENV=production HOST=0.0.0.0
# The health check below reads it, too.
ENV PORT=8080
WORKDIR /rabble
COPY --from=dependencies /rabble/node_modules node_modules
COPY --from=build /rabble/package.json ./
COPY --from=build /rabble/packages packages
COPY --from=build /rabble/services services
USER node
EXPOSE 8080
# Which service: gateway, history or rooms.
ENV SERVICE=gateway
# Not /readyz: a Swarm replaces what is unhealthy, and when the broker is down for a while no gateway should go, with its clients.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node itself must get the signals: no shell stays in between.
CMD ["sh", "-c", "exec node --enable-source-maps services/$SERVICE/dist/src/main.js"]

FROM nginx:1.30 AS nginx
COPY nginx/nginx.conf.in nginx/render /rabble/
COPY --from=build /rabble/web/dist/site /srv/web
# 101 is nginx in the public image.
USER 101
EXPOSE 8080 8443
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["curl", "-fsS", "http://127.0.0.1:8081/livez"]
STOPSIGNAL SIGQUIT
ENTRYPOINT []
CMD ["sh", "-c", "/rabble/render /tmp/nginx/nginx.conf && exec nginx -c /tmp/nginx/nginx.conf -g 'daemon off;'"]
