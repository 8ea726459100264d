package browsertest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"sluice/engine/enginetest/driver"
)

var screenshots = flag.String("screenshots", "", "folder to write the pictures of the documentation to")

func TestMain(m *testing.M) {
	// More of them than cores: they wait for the servers most of the time.
	_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	flag.Parse()
	code := driver.Main(m)
	stopBrowser()
	os.Exit(code)
}

// chromium is the one browser of all tests; each test has a profile of its own in it.
var (
	chromium    = sync.OnceValues(startBrowser)
	stopBrowser = func() {}
)

// names under which distributions install the browser.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

func startBrowser() (context.Context, error) {
	program := os.Getenv("SLUICE_TEST_BROWSER")
	for _, name := range names {
		if program == "" {
			program, _ = exec.LookPath(name) // none of them: told below
		}
	}
	if program == "" {
		return nil, fmt.Errorf("no browser: looked for %v. Run `.ci/fetch browser`, or name one with SLUICE_TEST_BROWSER", names)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "en"), chromedp.Flag("font-render-hinting", "none"))
	all, stopAll := chromedp.NewExecAllocator(context.Background(), options...)
	// The browser tells of more than the library knows; that is no error.
	ctx, stop := chromedp.NewContext(all, chromedp.WithErrorf(func(string, ...any) {}))
	if err := chromedp.Run(ctx); err != nil {
		stopAll()
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	stopBrowser = func() { stop(); stopAll() }
	return ctx, nil
}
