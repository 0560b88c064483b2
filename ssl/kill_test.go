//go:build unix

package ssl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

// kills is how often each method's training is killed at a random moment. The
// whole test, make killtest, is
//
//	go test ./ssl -run 'TestKill$' -kills 50
var kills = flag.Int("kills", 1, "TestKill: kills of each method at random moments")

// killHolds are the steps after which the first children wait to be killed, so
// that these kills hit them whatever else the machine does: before the first
// checkpoint, behind it, and in a training that went on from it.
var killHolds = []int{2, 6, 3}

const killChild = "LOCIMEM_TEST_KILL_CHILD"

// killJob is what a child process is told to do.
type killJob struct {
	Dir, Method string
	Threads     int
	Hold        int // steps after which it waits; 0: never
}

// TestKillChild is the process that TestKill kills: it trains with checkpoints in
// a directory, says where it begins, and leaves its result there.
func TestKillChild(t *testing.T) {
	text := os.Getenv(killChild)
	if text == "" {
		t.Skip("a part of TestKill")
	}
	var job killJob
	require.NoError(t, json.Unmarshal([]byte(text), &job))
	leave := func(name, text string) { // whole or not at all: a kill may hit the writing too
		part := filepath.Join(job.Dir, "part")
		require.NoError(t, os.WriteFile(part, []byte(text), 0o644))
		require.NoError(t, os.Rename(part, filepath.Join(job.Dir, name)))
	}
	p := problemOf(t, job.Method, problemOptions{dir: job.Dir, threads: job.Threads})
	p.config.Hooks.OnStart = func(s Start) { leave("begun", strconv.Itoa(s.Epoch)) }
	// Slower than it could be, so that a kill can hit every part of it.
	p.config.Hooks.OnStep = func(Progress) {
		time.Sleep(2 * time.Millisecond)
		if job.Hold--; job.Hold == 0 {
			leave("held", "")
			time.Sleep(time.Minute)
		}
	}
	require.NoError(t, p.run(t, context.Background()))
	r := p.result()
	leave("result", r.weights+" "+r.moments)
}

// kill -9 at any moment, again and again, on 1, 2 and 3 threads in turn, changes no
// bit of the result of any method.
func TestKill(t *testing.T) {
	methods := append(twoViewed(), multiCrop)
	for m := range others {
		methods = append(methods, m)
	}
	for _, method := range methods {
		t.Run(method, func(t *testing.T) { killAndResume(t, method) })
	}
}

// killAndResume starts a training, kills it and starts it again until it ends, and
// begins anew until there were kills enough.
func killAndResume(t *testing.T, method string) {
	r := uninterruptedOf(t, method)
	expected := r.weights + " " + r.moments
	moments := rng.New(1, "kill "+method)
	var whole time.Duration // that the last child which nobody killed took from the start
	done, held, ended, goneOn := 0, 0, 0, 0
	for threads := 0; ended == 0 || held < len(killHolds) || done < *kills; {
		dir, last := t.TempDir(), ""
		for fresh := true; ; fresh = false {
			job := killJob{Dir: dir, Method: method, Threads: 1 + threads%3}
			threads++
			// A child that is killed at a moment of its whole way: in its start,
			// in a step, while a checkpoint is written, at the end.
			var after time.Duration
			switch {
			case whole == 0: // the first one is left alone
			case held < len(killHolds):
				job.Hold = killHolds[held]
			case done < *kills:
				after = time.Duration(moments.Int64N(int64(whole)))
			}
			began := time.Now()
			killed := runChild(t, job, after)
			if begun, err := os.ReadFile(filepath.Join(dir, "begun")); err == nil {
				last = string(begun)
			}
			if killed {
				if job.Hold > 0 {
					held++
				} else {
					done++
				}
			} else if fresh { // again and again: others may have slowed the machine down
				whole = time.Since(began)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "result")); err == nil {
				require.Equal(t, expected, string(got), "after %d kills", held+done)
				break
			}
			require.True(t, killed, "the child ended without a result")
		}
		ended++
		if last != "0" {
			goneOn++
		}
	}
	assert.Positive(t, goneOn, "no training went on from a checkpoint of a killed one")
	t.Logf("killed %d times at chosen and %d times at random moments; %d trainings came to their end, %d of them from a checkpoint",
		held, done, ended, goneOn)
}

// runChild runs a child and kills it after a time, or where it waits for that; with
// neither it runs to its end. It tells whether the kill came before the end.
func runChild(t *testing.T, job killJob, after time.Duration) (killed bool) {
	for _, name := range []string{"begun", "held"} {
		require.NoError(t, os.RemoveAll(filepath.Join(job.Dir, name)))
	}
	text, err := json.Marshal(job)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillChild$")
	cmd.Env = append(os.Environ(), killChild+"="+string(text))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var die <-chan time.Time
	switch {
	case job.Hold > 0:
		require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(job.Dir, "held")); return err == nil }, time.Minute, time.Millisecond)
		die = time.After(0)
	case after > 0:
		die = time.After(after)
	}
	select {
	case <-die:
		if err := cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
			require.NoError(t, err)
		}
		return <-ended != nil
	case err := <-ended:
		require.NoError(t, err, "the child failed by itself:\n%s", said.String())
	}
	return false
}
