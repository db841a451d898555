# One image, four roles: FRAMEKEEP_ROLES says which. The content is what `npm start` runs.
# Where the registry cannot be reached: any Debian 12 image with Node 20 and a user `node`.
ARG NODE_IMAGE=node:20-bookworm-slim
FROM ${NODE_IMAGE}

RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates ffmpeg tini \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force
COPY . .
# The console and the workflow bundle: no start waits for a bundler.
RUN npm run build \
  && mkdir --mode=0700 /data \
  && chown node:node /data

USER node
ENV NODE_ENV=production \
  FRAMEKEEP_DATA_DIR=/data \
  FRAMEKEEP_HOST=0.0.0.0
VOLUME /data
EXPOSE 8080
# tini passes signals on and reaps what a killed ffmpeg leaves.
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["node", "--import", "tsx", "scripts/start.ts"]
