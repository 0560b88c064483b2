package report

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// browser returns the path of a Chromium, "" if there is none.
func browser() string {
	for _, name := range []string{os.Getenv("CHROME"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

// tab is a page with what went wrong in it.
type tab struct {
	context.Context
	t        *testing.T
	mu       sync.Mutex
	problems []string
	requests []string
}

// open starts a browser and listens to it.
func open(t *testing.T) *tab {
	path := browser()
	if path == "" {
		t.Skip("NOT RUN: no Chromium here (chromium, chromium-browser, google-chrome or the one that CHROME names)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	b := &tab{t: t}
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithListener(b.hear))
	t.Cleanup(cancel)
	b.Context = ctx
	b.do() // the browser lives as long as the context of its first action: no limit there
	var late context.CancelFunc
	b.Context, late = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(late)
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	return b
}

// hear keeps what a page says and asks for.
func (b *tab) hear(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, fmt.Sprintf("%s: %+v", ev.ExceptionDetails.Text, ev.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		b.problems = append(b.problems, fmt.Sprintf("console.%s", ev.Type))
	case *log.EventEntryAdded:
		b.problems = append(b.problems, ev.Entry.Text)
	case *network.EventRequestWillBeSent:
		if url := ev.Request.URL; !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "blob:") {
			b.requests = append(b.requests, url)
		}
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b, actions...))
}

// run returns what an action gives.
func run[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b, a)
	require.NoError(b.t, err)
	return v
}

// call calls a command of the protocol.
func call[P, R any](b *tab, cmd cdp.Command[P, R], params P) {
	b.t.Helper()
	_, err := chromedp.Call(b, cmd, params)
	require.NoError(b.t, err)
}

// eval returns the value of a JavaScript expression.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression))
}

func click(css string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS(css)) }
func focus(css string) chromedp.Action[chromedp.Void] { return chromedp.Focus(chromedp.CSS(css)) }

// load opens a report in a window of that width under a theme of the system.
func (b *tab) load(path string, width int64, theme string) {
	b.t.Helper()
	height := int64(900)
	if width < 500 {
		height = 844
	}
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height,
		DeviceScaleFactor: 1, Mobile: width < 500})
	b.media("", theme)
	b.do(chromedp.Navigate("file://"+path), chromedp.WaitReady(chromedp.CSS("footer")))
}

// media says what the page is shown on and the theme of the system.
func (b *tab) media(medium, theme string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium,
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
}

// shoot keeps a screenshot of the whole page.
func (b *tab) shoot(path string) {
	b.t.Helper()
	require.NoError(b.t, os.WriteFile(path, run(b, chromedp.FullScreenshot(100)), 0o644))
}

// drawn is, for each chart, the number of pixels of its canvas that are not empty.
const drawn = `[...document.querySelectorAll("figure.chart canvas")].map(c => {
	const copy = document.createElement("canvas");
	[copy.width, copy.height] = [c.width, c.height];
	const to = copy.getContext("2d", { willReadFrequently: true });
	to.drawImage(c, 0, 0);
	const p = to.getImageData(0, 0, c.width, c.height).data;
	let n = 0;
	for (let i = 3; i < p.length; i += 4) n += p[i] > 0;
	return n;
})`

// shades are the marks and bars that do not have the colour of their look.
const shades = `[...document.querySelectorAll("figure.chart canvas")].flatMap(c => {
	const chart = Chart.getChart(c);
	return chart.data.datasets.flatMap((d, k) => {
		const want = getComputedStyle(document.documentElement).getPropertyValue("--" + d.look).trim();
		return chart.getDatasetMeta(k).data.filter(e => !e.skip && !String(e.options.backgroundColor).startsWith(want))
			.map(e => chart.canvas.closest("figure").id + " " + d.label + ": " + e.options.backgroundColor).slice(0, 1);
	});
})`

const background = `getComputedStyle(document.body).backgroundColor`

// The report in a real browser: at the width of a desk and of a phone, in both
// themes, looked at and clicked. LOCIMEM_SCREENSHOTS names a folder that keeps the
// pictures, LOCIMEM_REPORT a report to take instead of the sample for pictures only.
func TestInABrowser(t *testing.T) {
	b := open(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "report.html")
	require.NoError(t, WriteHTML(path, sample()))
	shots := dir
	if keep := os.Getenv("LOCIMEM_SCREENSHOTS"); keep != "" {
		require.NoError(t, os.MkdirAll(keep, 0o755))
		shots = keep
	}
	if other := os.Getenv("LOCIMEM_REPORT"); other != "" {
		other, err := filepath.Abs(other)
		require.NoError(t, err)
		b.pictures(other, shots, "given")
	}
	b.pictures(path, shots, "sample")

	b.load(path, 1280, "light")
	t.Run("a header sorts its table", func(t *testing.T) {
		b.t = t
		column := func(k int) []string {
			return eval[[]string](b, fmt.Sprintf(`[...document.querySelectorAll("#table-taps tbody tr")]
				.map(r => r.cells[%d].dataset.v ?? r.cells[%d].textContent)`, k, k))
		}
		before := column(0)
		head := `#table-taps thead th:nth-child(3) button`
		b.do(click(head))
		assert.Equal(t, "descending", eval[string](b,
			`document.querySelector("#table-taps th:nth-child(3)").getAttribute("aria-sort")`))
		falling := column(2)
		assert.Equal(t, "", falling[len(falling)-1], "empty cells are last")
		assert.True(t, eval[bool](b, `(v => v.every((x, i) => !i || v[i-1] >= x))(
			[...document.querySelectorAll("#table-taps td:nth-child(3)")]
			.filter(c => c.dataset.v).map(c => Number(c.dataset.v)))`))
		b.do(focus(head), chromedp.KeyEvent("\r")) // by keyboard
		assert.True(t, eval[bool](b, `(v => v.every((x, i) => !i || v[i-1] <= x))(
			[...document.querySelectorAll("#table-taps td:nth-child(3)")]
			.filter(c => c.dataset.v).map(c => Number(c.dataset.v)))`))
		rising := column(2)
		assert.Equal(t, "", rising[len(rising)-1], "empty cells stay last")
		assert.NotEqual(t, falling, rising)
		b.do(click(head))
		assert.Equal(t, before, column(0), "a third press brings the first order back")
	})
	t.Run("the legend hides and shows a series", func(t *testing.T) {
		b.t = t
		button := `#chart-layermem .legend button:nth-child(1)`
		chart := `Chart.getChart(document.querySelector("#chart-layermem canvas"))`
		full := eval[[]int](b, drawn)
		b.do(click(button))
		assert.Equal(t, "false", eval[string](b, `document.querySelector("`+button+`").getAttribute("aria-pressed")`))
		assert.False(t, eval[bool](b, chart+`.isDatasetVisible(0)`))
		assert.NotEqual(t, full[0], eval[[]int](b, drawn)[0])
		b.do(click(button))
		assert.True(t, eval[bool](b, chart+`.isDatasetVisible(0)`))
		assert.Equal(t, full, eval[[]int](b, drawn))
	})
	t.Run("intervals are inside of the chart", func(t *testing.T) {
		b.t = t
		assert.True(t, eval[bool](b, `(c => c.data.datasets.every(d => [...(d.lo || []), ...(d.hi || [])]
			.every(v => v === null || v >= c.scales.y.min && v <= c.scales.y.max)))(
			Chart.getChart(document.querySelector("#chart-parts canvas")))`))
	})
	t.Run("the arrow keys walk along a chart", func(t *testing.T) {
		b.t = t
		b.do(focus(`#chart-layermem canvas`), chromedp.KeyEvent(kb.ArrowRight)) // right
		said := eval[string](b, `document.querySelector("#chart-layermem .live").textContent`)
		assert.Contains(t, said, "conv1")
		assert.Contains(t, said, "candidates: ")
		assert.Contains(t, said, "[")
	})
	t.Run("verdicts filter the claims", func(t *testing.T) {
		b.t = t
		shown := `[...document.querySelectorAll(".claim")].filter(c => !c.hidden).length`
		b.do(click(`button.chip.open`))
		assert.Equal(t, 2, eval[int](b, shown))
		b.do(click(`button.chip.open`))
		assert.Equal(t, 4, eval[int](b, shown))
	})
	t.Run("an image is enlarged and put away", func(t *testing.T) {
		b.t = t
		b.do(click(`.gallery li button`))
		assert.True(t, eval[bool](b, `document.getElementById("zoom").open`))
		b.do(click(`#zoom button`))
		assert.False(t, eval[bool](b, `document.getElementById("zoom").open`))
	})
	t.Run("the theme is switched", func(t *testing.T) {
		b.t = t
		light := eval[string](b, background)
		chart := `Chart.getChart(document.querySelector("#chart-layermem canvas")).data.datasets[0].borderColor`
		lightLine := eval[string](b, chart)
		b.do(click(`#theme`))
		assert.NotEqual(t, light, eval[string](b, background))
		assert.NotEqual(t, lightLine, eval[string](b, chart))
		b.do(click(`#theme`))
		assert.Equal(t, light, eval[string](b, background))
	})
	t.Run("markup in text stays text", func(t *testing.T) {
		b.t = t
		assert.Contains(t, eval[string](b, `document.querySelector(".lead").textContent`),
			"</script><script>alert(1)</script>")
		assert.Contains(t, eval[string](b, `document.querySelector(".claim h3").textContent`), "<b>monotonically</b>")
	})
	t.Run("without JavaScript it can be read", func(t *testing.T) {
		b.t = t
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		b.do(chromedp.Navigate("file://"+path), chromedp.WaitVisible(chromedp.CSS(".static svg")))
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{})
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Empty(t, b.problems)
	for _, url := range b.requests {
		assert.True(t, strings.HasPrefix(url, "file://") && strings.HasSuffix(url, ".html"), "a request for %s", url)
	}
}

// pictures takes screenshots at both widths in both themes, checking each page,
// and prints it.
func (b *tab) pictures(path, dir, name string) {
	themes := map[string]string{}
	for _, width := range []int64{1280, 390} {
		for _, theme := range []string{"light", "dark"} {
			b.load(path, width, theme)
			where := fmt.Sprintf("%s, %d px, %s", name, width, theme)
			for i, n := range eval[[]int](b, drawn) {
				assert.Greater(b.t, n, 1500, "%s: chart %d has not been drawn", where, i)
			}
			assert.LessOrEqual(b.t, eval[int64](b, `document.documentElement.scrollWidth`), width,
				"%s: the page scrolls sideways", where)
			assert.True(b.t, eval[bool](b, `[...document.images]
				.every(i => !i.closest(".gallery") || i.complete && i.naturalWidth > 0)`), where)
			assert.Empty(b.t, eval[[]string](b, shades), "%s: marks of another colour than their line", where)
			themes[theme] = eval[string](b, background)
			// Taking the picture resizes the page: what is drawn then counts too.
			b.shoot(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, theme)))
			assert.Empty(b.t, eval[[]string](b, shades),
				"%s, after a change of size: marks of another colour than their line", where)
		}
	}
	assert.NotEqual(b.t, themes["light"], themes["dark"])
	// Printed out of the dark, paper is white and the drawings are there.
	b.load(path, 1280, "dark")
	pdf := run(b, chromedp.PrintToPDF(chromedp.PDFPrintBackground(), chromedp.PDFPreferCSSPageSize()))
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+"-print.pdf"), pdf, 0o644))
	b.media("print", "dark")
	assert.Equal(b.t, "rgb(255, 255, 255)", eval[string](b, background))
	assert.True(b.t, eval[bool](b, `[...document.querySelectorAll(".static")]
		.every(e => e.getBoundingClientRect().height > 100)`))
	assert.True(b.t, eval[bool](b, `[...document.querySelectorAll("button.tool, .legend, .plot, .bar")]
		.every(e => e.getClientRects().length === 0)`))
}
