package servers

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// lastWords is how long before its time limit a binary says what it waits for.
const lastWords = 10 * time.Second

// watch ends the binary just before go test does, with the stacks of the tests that run: among those of all goroutines,
// which go test prints, they are hard to find, and lost where only the end of an output is kept.
func watch() {
	limit, ok := flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration)
	if !ok || limit <= 2*lastWords {
		return
	}
	time.AfterFunc(limit-lastWords, func() {
		all := make([]byte, 16<<20)
		all = all[:runtime.Stack(all, true)]
		for stack := range strings.SplitSeq(string(all), "\n\n") {
			if strings.Contains(stack, "testing.tRunner(") && !strings.Contains(stack, "testing.(*T).Run(") {
				fmt.Println(stack)
			}
		}
		fmt.Printf("FAIL: not done within %s\n", limit-lastWords)
		os.Exit(2)
	})
}
