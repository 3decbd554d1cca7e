# syntax=docker/dockerfile:1
# Two images: `muster` (API, worker, CLI) and `lab` (the same, with the lab's servers). Debian 12, since setup fetches the lab's
# servers from there and they must find their libraries.
ARG NODE=24.11.1-bookworm-slim

FROM node:${NODE} AS base
# Temporal's client trusts the system's authorities; Node brings its own.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build

# The lab's servers; TEMPORAL_ADDRESS says that a Temporal runs elsewhere, so its CLI is not fetched.
FROM build AS tools
ENV MUSTER_CACHE=/opt/muster TEMPORAL_ADDRESS=temporal:7233
RUN npm run setup

FROM build AS pruned
RUN npm prune --omit=dev --no-audit --no-fund

FROM base AS muster
ENV NODE_ENV=production MUSTER_HOME=/var/lib/muster MUSTER_RUNBOOKS=/app/runbooks
# The folder is there and owned before a volume covers it: a new named volume takes both over.
RUN useradd --system --uid 10001 --home-dir /var/lib/muster --shell /usr/sbin/nologin muster \
  && install -d -o muster -g muster -m 0755 /var/lib/muster \
  && printf '#!/bin/sh\nexec node --enable-source-maps /app/dist/src/cli/main.js "$@"\n' > /usr/local/bin/muster \
  && chmod 0755 /usr/local/bin/muster
COPY --from=pruned /app/package.json ./
COPY --from=pruned /app/node_modules ./node_modules
COPY --from=pruned /app/dist ./dist
COPY runbooks ./runbooks
COPY deploy ./deploy
USER muster
ENTRYPOINT ["muster"]
CMD ["--help"]

FROM muster AS lab
ENV MUSTER_CACHE=/opt/muster
COPY --from=tools /opt/muster /opt/muster
ENTRYPOINT ["/bin/sh", "/app/deploy/lab.sh"]
CMD []
