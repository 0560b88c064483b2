package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/locimem/locimem/internal/figure"
)

// LadderFigure draws the steps of the ladder as bars under the peak.
func LadderFigure(r *LadderResult) *figure.Page {
	var rungs []figure.Rung
	for _, s := range r.Steps {
		rungs = append(rungs, figure.Rung{Name: s.Name, GFLOPS: s.GFLOPS, Peak: s.GFLOPS / s.Share})
	}
	note := fmt.Sprintf("C = A B of %d x %d matrices in float32, %s, fastest of %d rounds\npeak measured with it: "+
		"%.0f GFLOP/s on 1 thread, %.0f on %d",
		r.N, r.N, r.ISA, r.Rounds, r.Peak, r.PeakAll, r.Threads)
	return figure.Ladder("From three loops to the engine", note, rungs)
}

// section is what the figures need of a section of results.json.
type section struct {
	Date    string `json:"date"`
	Machine string `json:"machine"`
	Data    *struct {
		Peak   map[string]float64 `json:"peak"` // GFLOP/s by number of threads
		Cases  []speedCase        `json:"cases"`
		GFLOPS map[string]float64 `json:"gflops"` // of the section on the peak
		GBps   map[string]float64 `json:"gbps"`
	} `json:"data"`
}

// speedCase is one comparison: milliseconds of each round by program.
type speedCase struct {
	Name    string               `json:"name"`
	Net     string               `json:"net"`
	Pass    string               `json:"pass"`
	Trans   string               `json:"trans"`
	Threads int                  `json:"threads"`
	Flop    float64              `json:"flop"`
	Bytes   float64              `json:"bytes"` // of operands and result
	Values  map[string][]float64 `json:"values"`
}

// Figures draws the share of the peak by shape of product and by layer, and both
// under the limits of the machine, out of the file that bench/run.sh writes. A section that was not measured has no
// figure.
func Figures(file string) (map[string]*figure.Page, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	// Only these: other sections hold other things under the same names.
	var all struct{ Peak, Gemm, Conv section }
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	pages := map[string]*figure.Page{}
	if d := all.Gemm.Data; d != nil && len(d.Peak) > 0 {
		pages["gemm"] = shares("Matrix products: share of peak by shape", all.Gemm,
			func(c *speedCase) (place, panel string) {
				if c.Trans != "nn" {
					return "", ""
				}
				return c.Name, threadsName(c.Threads)
			})
	}
	if d := all.Conv.Data; d != nil && len(d.Peak) > 0 {
		// Named by net (9, 18, 50) and layer, on all threads.
		pages["conv"] = shares("Convolutions: share of peak by layer", all.Conv,
			func(c *speedCase) (place, panel string) {
				if c.Threads == 1 {
					return "", ""
				}
				return c.Net[len("resnet"):] + " " + c.Name, c.Pass
			})
	}
	if p := roofline(all.Peak, all.Gemm, all.Conv); p != nil {
		pages["roofline"] = p
	}
	return pages, nil
}

// roofline draws products and convolutions on most threads, ours and those of the
// better peer; nil if something was not measured.
func roofline(limits, gemm, conv section) *figure.Page {
	if limits.Data == nil || gemm.Data == nil || conv.Data == nil {
		return nil
	}
	threads := 0
	for _, c := range gemm.Data.Cases {
		threads = max(threads, c.Threads)
	}
	peak, gbps := limits.Data.GFLOPS[fmt.Sprint(threads)], limits.Data.GBps[fmt.Sprint(threads)]
	if peak == 0 || gbps == 0 {
		return nil
	}
	var series []figure.RoofSeries
	for _, s := range []struct {
		own, peers string
		cases      []speedCase
	}{{"convolutions", "by PyTorch", conv.Data.Cases}, {"products", "by BLAS", gemm.Data.Cases}} {
		own, others := figure.RoofSeries{Name: s.own}, figure.RoofSeries{Name: s.peers}
		for i := range s.cases {
			c := &s.cases[i]
			if c.Threads != threads || c.Bytes == 0 {
				continue
			}
			best := 0.0
			for name, v := range c.Values {
				if speed := c.Flop / median(v) / 1e6; name == "locimem" {
					own.Points = append(own.Points, figure.RoofPoint{Intensity: c.Flop / c.Bytes, GFLOPS: speed})
				} else {
					best = max(best, speed)
				}
			}
			others.Points = append(others.Points, figure.RoofPoint{Intensity: c.Flop / c.Bytes, GFLOPS: best})
		}
		series = append(series, own, others)
	}
	note := fmt.Sprintf("%s, %s, %d threads, medians; peers: the better one\nlimits: %.0f GFLOP/s on registers "+
		"alone, %.0f GB/s read from memory; what fits into the caches can be above the slope",
		limits.Machine, limits.Date, threads, peak, gbps)
	return figure.Roofline("Under the limits of the machine", note, peak, gbps, series)
}

func threadsName(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}

// shares makes a page out of the cases of a section. where says to which place
// and panel a case belongs, "" for none.
func shares(title string, s section, where func(c *speedCase) (place, panel string)) *figure.Page {
	var places []string
	var panels []figure.SharePanel
	for i := range s.Data.Cases {
		c := &s.Data.Cases[i]
		place, label := where(c)
		if place == "" {
			continue
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
		at := slices.IndexFunc(panels, func(p figure.SharePanel) bool { return p.Label == label })
		if at < 0 {
			at = len(panels)
			panels = append(panels, figure.SharePanel{Label: label})
		}
		for _, name := range programs(c) {
			panels[at].Series = put(panels[at].Series, name, slices.Index(places, place),
				c.Flop/median(c.Values[name])/1e6/s.Data.Peak[fmt.Sprint(c.Threads)])
		}
	}
	for _, p := range panels {
		for k := range p.Series {
			p.Series[k].Shares = stretch(p.Series[k].Shares, len(places))
		}
	}
	note := fmt.Sprintf("%s, %s, medians\n1 is the peak that was measured with them: multiply-adds on registers alone",
		s.Machine, s.Date)
	if s.Data.Cases[0].Pass != "" {
		note += "\nproducts with the padding's zeros count, so who skips them can have more"
	}
	return figure.Shares(title, note, places, panels)
}

// programs returns the names in a case, locimem first, at most four.
func programs(c *speedCase) []string {
	names := []string{"locimem"}
	for name := range c.Values {
		if name != "locimem" {
			names = append(names, name)
		}
	}
	slices.Sort(names[1:])
	return names[:min(len(names), 4)]
}

// put sets place at of the series of that name, which may be new.
func put(all []figure.ShareSeries, name string, at int, v float64) []figure.ShareSeries {
	i := slices.IndexFunc(all, func(s figure.ShareSeries) bool { return s.Name == name })
	if i < 0 {
		i = len(all)
		all = append(all, figure.ShareSeries{Name: name})
	}
	all[i].Shares = stretch(all[i].Shares, at+1)
	all[i].Shares[at] = v
	return all
}

// stretch fills up with NaN, to n numbers at least.
func stretch(v []float64, n int) []float64 {
	for len(v) < n {
		v = append(v, math.NaN())
	}
	return v
}
