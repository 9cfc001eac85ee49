// The network oracle answers whether NetworkPolicies allow a connection with the simulator of cyclonus, so that our own reading of
// them can be compared with somebody else's. It is a module of its own because cyclonus needs an older client-go.
//
// One question is one line of JSON on standard input, with the name of the operation in "op"; one answer is one line on standard
// output, in the same order. A question that cannot be answered gets {"error": "..."}, and the program goes on.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func answer(raw []byte) (result any, err error) {
	// The simulator panics on what the API server would have refused.
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the simulator refuses: %v", reason)
		}
	}()
	var head struct {
		Op string `json:"op"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("not a question: %w", err)
	}
	switch head.Op {
	case "cases":
		return cases()
	case "reach":
		return reach(raw)
	}
	return nil, fmt.Errorf("unknown operation %q", head.Op)
}

func serve(in io.Reader, out io.Writer) error {
	questions := bufio.NewReaderSize(in, 1<<20)
	answers := bufio.NewWriterSize(out, 1<<20)
	encoder := json.NewEncoder(answers)
	for {
		line, readErr := questions.ReadBytes('\n')
		if len(line) > 1 {
			result, err := answer(line)
			if err != nil {
				result = map[string]string{"error": err.Error()}
			}
			if err := encoder.Encode(result); err != nil {
				return err
			}
			if err := answers.Flush(); err != nil {
				return err
			}
		}
		if readErr == io.EOF {
			return nil
		}
		if readErr != nil {
			return readErr
		}
	}
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle-network: cannot exchange questions and answers on standard input and output:", err)
		os.Exit(1)
	}
}
