# docker build --file deploy/train.Dockerfile --tag corella-train .
# Node 24.18.0 of all platforms; docs/deployment.md says how to bring it up to date.
ARG NODE_IMAGE=node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d

FROM ${NODE_IMAGE} AS build
WORKDIR /corella
ENV CI=true TURBO_TELEMETRY_DISABLED=1
RUN npm install --global pnpm@12.21.0
# What the lock file names, in a layer that sources do not change.
COPY pnpm-lock.yaml pnpm-workspace.yaml ./
COPY patches patches
RUN pnpm fetch
COPY . .
RUN pnpm install --frozen-lockfile --prefer-offline --filter corella --filter "@corella/train..." \
  && pnpm exec turbo run build --filter "@corella/train..." \
  && pnpm --config.inject-workspace-packages=true --filter @corella/train deploy --prod /trained
# ONNX Runtime comes for five platforms, of which an image is one.
RUN node -e "const fs = require('node:fs'); \
  const all = fs.globSync('/trained/node_modules/.pnpm/onnxruntime-node@*/node_modules/onnxruntime-node/bin/napi-v*/*/*'); \
  const others = all.filter((folder) => !folder.endsWith('/' + process.platform + '/' + process.arch)); \
  if (all.length === others.length) throw new Error('no ONNX Runtime for this platform'); \
  for (const folder of others) fs.rmSync(folder, { recursive: true })"

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /corella
COPY --from=build /trained /trained
# The configurations and the embedded data, for a run without anything else; others are mounted.
COPY configs configs
COPY data data
# Runs are written here, with prepared data beside them: the one folder that must be writable by user 1000.
VOLUME ["/runs"]
USER 1000
# A run has an end and an exit code, not a health.
HEALTHCHECK NONE
ENTRYPOINT ["node", "/trained/src/main.ts", "--runs", "/runs", "--cache", "/runs/.cache"]
