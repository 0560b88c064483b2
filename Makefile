# make run, make test, make killtest, make lint, make bench; each is one line that can be typed as well.
.PHONY: run test killtest lint bench generate

run:
	go run ./cmd/locimem run

test:
	go test ./...

# Every method's training killed (kill -9) at 50 random moments and resumed each
# time, on 1, 2 and 3 threads in turn: the same bits as one that is left alone.
killtest:
	go test ./ssl -run 'TestKill$$' -kills 50 -count 1 -v

lint:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...

# Everything beside its peers, about 25 minutes; bench/peers/README.md says how to install those.
bench:
	bench/run.sh

# The assembly for amd64 and arm64 from its generator, which is a module of its own.
generate:
	go generate ./tensor/internal/kernel
