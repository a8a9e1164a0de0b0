#!/bin/bash
# A shard of batch scoring for each task of an array, from the folder of corella that all nodes share:
#   pnpm score plan --input rows.parquet --output /shared/scores   (prints the number of shards, N)
#   sbatch --array=0-$((N - 1)) deploy/jobs/slurm-array.sh /shared/scores
#   pnpm score finish --plan /shared/scores
#SBATCH --job-name=corella-score
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --requeue
set -euo pipefail

plan=${1:?the output that holds plan.json}
for attempt in 1 2 3; do
  status=0
  node --conditions=source --import tsx apps/score/src/main.ts run --plan "$plan" --shard "$SLURM_ARRAY_TASK_ID" || status=$?
  # 75 says that another try may succeed, and above 128 it was killed. What a lost node ran is queued again by Slurm.
  if [ "$status" -ne 75 ] && [ "$status" -le 128 ]; then exit "$status"; fi
  sleep $((5 * attempt))
done
exit "$status"
