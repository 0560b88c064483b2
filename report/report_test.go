package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// loads finds whatever would make a browser fetch something.
var loads = regexp.MustCompile(`(?i)(src|href|srcset|action|poster|data)\s*=\s*["']?\s*(https?:|//)|@import|` +
	`url\(\s*["']?\s*(https?:|//)|sourceMappingURL|` +
	`\bfetch\(|XMLHttpRequest|<link[^>]+stylesheet|<iframe|<object`)

func TestHTMLNeedsNoNetwork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, WriteHTML(path, sample()))
	text := read(t, path)
	assert.Empty(t, loads.FindAllString(text, -1))
	assert.Contains(t, text, "default-src 'none'", "the browser is told to refuse all loads")
	for _, bad := range []string{`<link rel="stylesheet" href="x.css">`, `<script src="https://example.org/x.js">`,
		`background: url(//example.org)`, `@import "x"`} {
		assert.NotEmpty(t, loads.FindString(bad), "the search would find %s", bad)
	}
}

func TestHTMLIsEscapedAndComplete(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, WriteHTML(filepath.Join(dir, "a.html"), sample()))
	require.NoError(t, WriteHTML(filepath.Join(dir, "b.html"), sample()))
	text := read(t, dir, "a.html")
	assert.True(t, text == read(t, dir, "b.html"), "equal documents give equal files")
	assert.NotContains(t, text, "<script>alert")
	assert.NotContains(t, text, "<b>mono")
	assert.NotContains(t, text, "ZgotmplZ", "html/template has refused something")
	for _, want := range []string{"✓</span> reproduced", "✗</span> not reproduced", "?</span> under-powered",
		"0.0200 [-0.0100, 0.0500]",
		`<th scope="row">conv4_2</th>`, "data:image/png;base64,", `id="s-units-classes"`,
		`alt="#17 &lt;truck&gt; 0.213"`,
		"locimem run --set &#39;name=&lt;x&gt;&#39;"} {
		assert.Contains(t, text, want)
	}
	// What the charts are drawn from is JSON, with the looks of the sets.
	_, data, _ := strings.Cut(text, `id="chart-data">`)
	data, _, _ = strings.Cut(data, "</script>")
	var charts []Chart
	require.NoError(t, json.Unmarshal([]byte(data), &charts))
	require.Len(t, charts, 4)
	var looks []string
	for _, s := range charts[0].Series {
		looks = append(looks, s.Look)
	}
	assert.Equal(t, []string{"candidate", "shared", "independent", "external"}, looks)
	assert.Nil(t, charts[0].Series[0].Y[3])
	assert.Equal(t, `relu1 "unit"`, charts[2].Series[0].Labels[0])
}

func TestDocumentIsPlainData(t *testing.T) {
	b, err := json.Marshal(sample())
	require.NoError(t, err)
	var back Document
	require.NoError(t, json.Unmarshal(b, &back))
	again, err := json.Marshal(back)
	require.NoError(t, err)
	assert.Equal(t, string(b), string(again))
}

func TestFigures(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, WriteFigures(dir, sample()))
	for _, name := range []string{"layermem", "parts", "classmem", "loss"} {
		assert.True(t, strings.HasPrefix(read(t, dir, name+".pdf"), "%PDF-"))
		assert.True(t, strings.HasPrefix(read(t, dir, name+".png"), "\x89PNG"))
		assert.NotContains(t, read(t, dir, name+".svg"), "NaN")
	}
	assert.Contains(t, read(t, dir, "layermem.svg"), "independents")
}

func TestLaTeX(t *testing.T) {
	v, lo, hi := -.25, -.5, 0.
	d := Document{Title: "x", Sections: []Section{{Title: "s",
		Tables: []Table{{Name: "t", Title: `50 % of A & B_1 {x} \y`, Note: "~^$#<",
			Columns: []Column{{Name: "tap"}, {Name: "score", Digits: 2}, {Name: "n"}},
			Rows: [][]Cell{{Text("conv2_1"), {Value: &v, Lo: &lo, Hi: &hi}, Num(3)},
				{Text("[x]"), {}, Num(1e4)}}}}}}}
	dir := t.TempDir()
	require.NoError(t, WriteLaTeX(dir, d))
	assert.Equal(t, `% Needs \usepackage{booktabs}.
\begin{table}
  \centering
  \caption{50 \% of A \& B\_1 \{x\} \textbackslash{}y}
  \label{tab:t}
  \begin{tabular}{lrr}
    \toprule
    tap & score & n \\
    \midrule
    conv2\_1 & $-$0.25 {\footnotesize [$-$0.50, 0.00]} & 3 \\
    {}[x] &  & 10000 \\
    \bottomrule
  \end{tabular}
  \par\smallskip\footnotesize \textasciitilde{}\textasciicircum{}\$\#\textless{}
\end{table}
`, read(t, dir, "t.tex"))
	assert.Equal(t, "tap,score,score lo,score hi,n\nconv2_1,-0.25,-0.5,0,3\n[x],,,,10000\n", read(t, dir, "t.csv"))
}

func TestWhatCannotBeWrittenIsNamed(t *testing.T) {
	nan := math.NaN()
	for want, spoil := range map[string]func(*Document){
		"title: found none":                             func(d *Document) { d.Title = "" },
		`claim 1 (depth.rises): verdict: found "maybe"`: func(d *Document) { d.Claims[0].Verdict = "maybe" },
		`claim "swap"`:                                  func(d *Document) { d.Claims[3].ID = "claim \"swap\"" },
		"section Layers: chart layermem: series candidates: found 30 values of Y, expected 31": func(d *Document) {
			s := &d.Sections[0].Charts[0].Series[0]
			s.Y = s.Y[1:]
		},
		"series candidates: found 30 values of Lo, expected 31 or none": func(d *Document) {
			s := &d.Sections[0].Charts[0].Series[0]
			s.Lo = s.Lo[1:]
		},
		"intervals with one end":        func(d *Document) { d.Sections[0].Charts[0].Series[0].Hi = nil },
		"NaN or infinity":               func(d *Document) { d.Sections[0].Charts[0].Series[0].Y[0] = &nan },
		`kind: found "pie"`:             func(d *Document) { d.Sections[0].Charts[0].Kind = "pie" },
		`look: found "blue"`:            func(d *Document) { d.Sections[0].Charts[0].Series[0].Look = "blue" },
		"bars without categories":       func(d *Document) { d.Sections[0].Charts[1].Categories = nil },
		`name: "layermem" stands twice`: func(d *Document) { d.Sections[0].Charts[1].Name = "layermem" },
		`name: found "../x"`:            func(d *Document) { d.Sections[3].Tables[0].Name = "../x" },
		"row 2: found 3 cells, expected 4 columns": func(d *Document) {
			r := d.Sections[3].Tables[0].Rows
			r[1] = r[1][1:]
		},
		"row 1, column controlled: found NaN": func(d *Document) { d.Sections[3].Tables[0].Rows[0][2].Value = &nan },
		"row relu1, least, image 2: not a PNG file": func(d *Document) {
			d.Sections[2].Galleries[0].Rows[1].Images[1].PNG = []byte("GIF89a")
		},
		"X: expected numbers":         func(d *Document) { d.Sections[1].Charts[0].Series[0].X[0] = math.Inf(1) },
		"reference chance: found NaN": func(d *Document) { d.Sections[1].Charts[1].Reference[0].Y = nan },
	} {
		d := sample()
		spoil(&d)
		path := filepath.Join(t.TempDir(), "x.html")
		require.ErrorContains(t, WriteHTML(path, d), want)
		assert.NoFileExists(t, path)
	}
}

// The library is the published file, whose hash is in assets/README.md.
func TestLibraryIsThePublishedOne(t *testing.T) {
	sum := sha256.Sum256([]byte(asset("chart.umd.min.js")))
	assert.Contains(t, read(t, "assets", "README.md"), "`"+hex.EncodeToString(sum[:])+"`")
	assert.Contains(t, read(t, "assets", "chart.LICENSE.md"), "MIT License")
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(b)
}
