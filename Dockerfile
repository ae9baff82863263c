# syntax=docker/dockerfile:1
# The app alone: sandboxes and the embedded database are for one machine. Settings come from the environment (app.json says which).

FROM node:22.21.1-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --include=dev --no-save --ignore-scripts
COPY tsconfig.json app.json ./
COPY .ci/tsconfig.build.json .ci/
COPY server server
COPY models models
COPY bench bench
COPY test/support test/support
RUN node_modules/.bin/tsc --project .ci/tsconfig.build.json && npm prune --omit=dev --ignore-scripts

FROM node:22.21.1-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/server dist/server
COPY --from=build /app/dist/models dist/models
COPY package.json app.json ./
COPY views views
COPY public public
USER node
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=2s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/server/main.js"]
