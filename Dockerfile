# One image for every process; the command picks which. Not built by the tests: see docs/install.md.
FROM node:20-bookworm-slim AS build
WORKDIR /quern
COPY . .
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
  && node_modules/.bin/tsc -b \
  && npm run build -w @quern/web --silent \
  && sh scripts/agent.sh && cp apps/agent/dist/quern-agent.mjs apps/web/dist/ \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error

# The monitoring agent alone: docker build --target agent .
FROM node:20-bookworm-slim AS agent
ENV NODE_ENV=production QUERN_SPOOL_DIR=/var/lib/quern-agent DATAPACE_HEALTH_BIND_ADDRESS=0.0.0.0
RUN install -d -o node -g node -m 700 /var/lib/quern-agent
COPY --from=build /quern/apps/agent/dist/quern-agent.mjs /usr/local/bin/quern-agent
USER node
VOLUME /var/lib/quern-agent
EXPOSE 8080
HEALTHCHECK CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health').then((it) => process.exit(it.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["quern-agent"]

FROM node:20-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 QUERN_DATA_DIR=/data QUERN_RESULTS=file:/data/results
# Made here, so that a volume mounted on it belongs to the process's user.
RUN install -d -o node -g node -m 700 /data
WORKDIR /quern
COPY --from=build /quern .
USER node
VOLUME /data
EXPOSE 3000
# Without a DATABASE_URL this is all of Quern, with its own PostgreSQL under /data.
CMD ["node", "apps/standalone/dist/main.js"]
