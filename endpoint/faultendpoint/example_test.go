package faultendpoint_test

import (
	"context"
	"fmt"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
)

// The folders of a mailbox cannot be listed, once.
func ExampleWrap() {
	plan, err := faultendpoint.Parse("before unavailable on side=src method=folders at=end nth=1")
	if err != nil {
		fmt.Println(err)
		return
	}
	process := faultendpoint.NewProcess(plan, nil)
	mailbox := faultendpoint.Wrap(memendpoint.NewServer().Open(nil), "src", process)
	for range 2 {
		for folder, err := range mailbox.Folders(context.Background()) {
			if err != nil {
				fmt.Println(err)
				break
			}
			fmt.Println(folder.Path)
		}
	}
	fmt.Println("faults:", process.Fired())
	// Output:
	// [INBOX]
	// mem folders: unavailable: by plan
	// [INBOX]
	// faults: 1
}

// A trace is the list of the calls of a process.
func ExampleNewProcess() {
	process := faultendpoint.NewProcess(nil, func(c faultendpoint.Call, _ faultendpoint.Effect) {
		if c.At == faultendpoint.Start {
			fmt.Println(c)
		}
	})
	mailbox := faultendpoint.Wrap(memendpoint.NewServer().Open(nil), "dst", process)
	if _, err := mailbox.CreateFolder(context.Background(), endpoint.Folder{Path: []string{"Work", "2026"}}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// dst capabilities
	// dst create-folder Work/2026
}

func ExampleParse() {
	plan, err := faultendpoint.Parse(`
		after in-doubt on side=dst method=put folder="Sent Items" nth=1
		crash-before on call=17`)
	fmt.Println(plan, err)
	_, err = faultendpoint.Parse("explode on call=17")
	fmt.Println(err)
	// Output:
	// after in-doubt on side=dst method=put folder="Sent Items" nth=1; crash-before on call=17 <nil>
	// fault plan: rule 1: no effect is called "explode"
}
