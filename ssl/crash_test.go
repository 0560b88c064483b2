//go:build unix

package ssl

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	crashDir     = "LOCIMEM_TEST_CRASH_DIR"
	crashThreads = "LOCIMEM_TEST_CRASH_THREADS"
	crashMethod  = "LOCIMEM_TEST_CRASH_METHOD"
	crashHold    = "LOCIMEM_TEST_CRASH_HOLD"
)

// crashHolds are the steps after which the first children wait to be killed, so
// that these kills hit them whatever else the machine does: before the first
// checkpoint, behind it, and in a training that went on from it.
var crashHolds = []int{2, 6, 3}

// TestCrashChild is the process that TestKilledAndResumed kills: it trains with
// checkpoints in a directory, says when it begins to, and leaves its result there.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("a part of TestKilledAndResumed")
	}
	threads, err := strconv.Atoi(os.Getenv(crashThreads))
	require.NoError(t, err)
	p := newProblem(t, problemOptions{dir: dir, threads: threads, method: os.Getenv(crashMethod)})
	p.config.Hooks.OnStart = func(s Start) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "begun"), []byte(strconv.Itoa(s.Epoch)), 0o644))
	}
	// Slower than it could be, so that a kill can hit every part of it.
	hold, err := strconv.Atoi(os.Getenv(crashHold))
	require.NoError(t, err)
	p.config.Hooks.OnStep = func(Progress) {
		time.Sleep(4 * time.Millisecond)
		if hold--; hold == 0 {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "held"), nil, 0o644))
			time.Sleep(time.Minute)
		}
	}
	require.NoError(t, p.run(t, context.Background()))
	r := p.result()
	text, err := json.Marshal([]string{r.weights, r.moments})
	require.NoError(t, err)
	// Renamed when it is whole: a kill may hit the writing too.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "part"), text, 0o644))
	require.NoError(t, os.Rename(filepath.Join(dir, "part"), filepath.Join(dir, "result")))
}

// kill -9 at any moment, a few times in a row, changes no bit of the result.
func TestKilledAndResumed(t *testing.T) {
	for _, method := range append(Names(), multiCrop) {
		t.Run(method, func(t *testing.T) { killedAndResumed(t, method) })
	}
}

func killedAndResumed(t *testing.T, method string) {
	expected := uninterruptedOf(t, method)
	dir := t.TempDir()
	begun, held, result := filepath.Join(dir, "begun"), filepath.Join(dir, "held"), filepath.Join(dir, "result")
	kills := 0
	for attempt := 0; ; attempt++ {
		require.Less(t, attempt, 100, "the training never comes to its end")
		require.NoError(t, os.RemoveAll(begun))
		require.NoError(t, os.RemoveAll(held))
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$")
		hold := 0
		if attempt < len(crashHolds) {
			hold = crashHolds[attempt]
		}
		cmd.Env = append(os.Environ(), crashHold+"="+strconv.Itoa(hold), crashDir+"="+dir, crashThreads+"="+strconv.Itoa(1+attempt%3), crashMethod+"="+method)
		require.NoError(t, cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		require.Eventually(t, func() bool { _, err := os.Stat(begun); return err == nil }, time.Minute, time.Millisecond)
		var die <-chan time.Time
		if attempt < len(crashHolds) {
			require.Eventually(t, func() bool { _, err := os.Stat(held); return err == nil }, time.Minute, time.Millisecond)
			die = time.After(0)
		} else { // the more often it was killed the longer it lives, so that it ends
			die = time.After(time.Duration(6*(attempt-len(crashHolds))) * time.Millisecond)
		}
		select {
		case <-die:
			if err := cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
				require.NoError(t, err)
			}
			<-ended
			kills++
		case err := <-ended:
			require.NoError(t, err, "the child failed by itself")
		}
		if _, err := os.Stat(result); err == nil {
			break
		}
	}
	text, err := os.ReadFile(result)
	require.NoError(t, err)
	var got []string
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, []string{expected.weights, expected.moments}, got)
	assert.GreaterOrEqual(t, kills, 3)
	text, err = os.ReadFile(begun)
	require.NoError(t, err)
	assert.NotEqual(t, "0", string(text), "the last process must have gone on from a checkpoint")
	t.Logf("killed %d times; the last process began after epoch %s", kills, text)
}

// The limit on the size of files stands for a full disk: writing fails half way.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	require.Error(t, newProblem(t, problemOptions{dir: dir, change: stopAfter(5, cancel)}).run(t, ctx))
	files := checkpoints(t, dir)
	require.Equal(t, []string{"f-00000004.safetensors", "f-00000005.safetensors"}, files)

	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	small := old
	small.Cur = 250_000 // less than a checkpoint, more than the log of the test itself
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small))
	p := newProblem(t, problemOptions{dir: dir})
	err := p.run(t, context.Background())
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old))
	require.ErrorIs(t, err, syscall.EFBIG)
	assert.ErrorContains(t, err, "f-00000008.safetensors")
	assert.Equal(t, files, checkpoints(t, dir), "old checkpoints stay and nothing half written is left")

	q := newProblem(t, problemOptions{dir: dir})
	require.NoError(t, q.run(t, context.Background()))
	assert.Equal(t, uninterrupted(t).weights, q.result().weights)
}
