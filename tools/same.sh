#!/usr/bin/env bash
# Compares the results of two commits byte for byte:
#
#     tools/same.sh OLD [NEW]           NEW: HEAD by default; about 10 minutes on 2 cores
#     STUDIES=all tools/same.sh OLD     also the ledger of `study all --scale tiny`, half an hour more
#
# It compares the run hash of every recipe, every file of scores of the default run (on 1
# and on 2 threads) and of three epochs of each method, and the ledger of the studies in
# STUDIES ("depth census" by default). It prints what differs and exits with 1 then.
set -euo pipefail
cd "$(dirname "$0")/.."
old=${1:?usage: tools/same.sh OLD [NEW]}
new=${2:-HEAD}
studies=${STUDIES:-depth census}
tmp=$(mktemp -d)
trap 'for side in old new; do git worktree remove --force "$tmp/$side" 2>/dev/null || true; done; rm -rf "$tmp"' EXIT

# record REV SIDE: builds that commit and leaves its results in $tmp/SIDE.results.
record() {
  local tree=$tmp/$2 out=$tmp/$2.results
  git worktree add --quiet --detach "$tree" "$1"
  mkdir -p "$out" "$tree/cmd/recipehashes"
  cat >"$tree/cmd/recipehashes/main.go" <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/locimem/locimem/recipe"
)

func main() {
	for _, path := range os.Args[1:] {
		r, err := recipe.Load(path, nil)
		if err != nil {
			panic(err)
		}
		fmt.Println(path, r.Hash(), r.TrainHash())
	}
}
GO
  (
    cd "$tree"
    go build -o "$tmp/$2.locimem" ./cmd/locimem
    go run ./cmd/recipehashes recipes/*.yaml >"$out/hashes"
    rm -rf cmd/recipehashes
  )
  local locimem=$tmp/$2.locimem runs=$tmp/$2.runs
  # scores NAME ARGUMENTS: one run, of which the scores are kept, without the time they were made.
  scores() {
    local name=$1
    shift
    "$locimem" run --out "$runs/$name" "$@" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
    cp -r "$runs/$name"/*/scores "$out/$name"
    rm -f "$out/$name"/{made,provenance}.json
  }
  scores default-2 --set train.threads=2
  scores default-1 --set train.threads=1
  local few="--set train.epochs=3 --set knn.every=0 --set score.views=3"
  for method in simclr byol simsiam mocov2 mocov3 barlow vicreg dino supervised; do
    # shellcheck disable=SC2086
    scores "$method" $few --set method.name=$method --set encoder.width=0.25
  done
  # shellcheck disable=SC2086
  scores mae $few --set method.name=mae --set encoder.name=vit_tiny_patch4 --set encoder.width=0.5
  # shellcheck disable=SC2086
  "$locimem" study $studies --scale tiny --out "$runs/study" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
  cp "$runs"/study/studies/*/ledger.json "$out/ledger.json"
}

record "$old" old
record "$new" new
if diff -r "$tmp/old.results" "$tmp/new.results"; then
  echo "the same: $(find "$tmp/new.results" -type f | wc -l) files of $(git rev-parse --short "$old") and $(git rev-parse --short "$new")"
else
  echo "NOT the same: $(git rev-parse --short "$old") and $(git rev-parse --short "$new"), see above"
  exit 1
fi
