#!/bin/bash
# Submits every shard of batch scoring to a Ray cluster, whose nodes have corella in one folder and share data:
#   RAY_ADDRESS=http://head:8265 deploy/jobs/ray-jobs.sh /shared/scores 100 /opt/corella
# Ray starts each when a CPU is free and repeats none: `pnpm score --output …` of the same plan, or this script with another
# fourth argument, runs what is missing.
set -euo pipefail

plan=${1:?the output that holds plan.json}
shards=${2:?the number of shards that pnpm score plan printed}
folder=${3:?the folder of corella on the nodes}
attempt=${4:-1}
name=$(basename "$plan")
for ((shard = 0; shard < shards; shard++)); do
  curl --fail --silent --show-error --request POST "${RAY_ADDRESS:?the address of the cluster}/api/jobs/" \
    --header 'content-type: application/json' --data @- <<BODY
{
  "submission_id": "corella-$name-$shard-$attempt",
  "entrypoint": "cd '$folder' && node --conditions=source --import tsx apps/score/src/main.ts run --plan '$plan' --shard $shard",
  "entrypoint_num_cpus": 1
}
BODY
  echo
done
