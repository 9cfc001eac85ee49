// The oracle answers questions with the code that Kubernetes itself uses, so that our own semantics can be compared with it.
//
// One question is one line of JSON on standard input, with the name of the operation in "op"; one answer is one line on
// standard output, in the same order. A question that cannot be answered gets {"error": "..."}, and the program goes on.
//
// An operation lives in one file of its own and registers itself with register().
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"encoding/json"

	kjson "sigs.k8s.io/json"
)

// operation answers one kind of question; raw is the whole line.
type operation func(raw []byte) (any, error)

var operations = map[string]operation{}

func register(name string, run operation) {
	if _, taken := operations[name]; taken {
		panic("operation registered twice: " + name)
	}
	operations[name] = run
}

// decode reads as the API server reads with fieldValidation=Strict: exact case, and an unknown or repeated field is an
// error, so that a misspelt field in a generator cannot make both sides agree on nothing.
func decode(raw []byte, into any) error {
	strict, err := kjson.UnmarshalStrict(raw, into)
	if err != nil {
		return err
	}
	return errors.Join(strict...)
}

func answer(raw []byte) (any, error) {
	var head struct {
		Op string `json:"op"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("not a question: %w", err)
	}
	run, known := operations[head.Op]
	if !known {
		return nil, fmt.Errorf("unknown operation %q", head.Op)
	}
	return run(raw)
}

func serve(in io.Reader, out io.Writer) error {
	questions := bufio.NewReaderSize(in, 1<<20)
	answers := bufio.NewWriterSize(out, 1<<20)
	encoder := json.NewEncoder(answers)
	encoder.SetEscapeHTML(false)
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
		}
		if readErr == nil && questions.Buffered() > 0 {
			continue // More questions are already here: answer them before writing.
		}
		if err := answers.Flush(); err != nil {
			return err
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
		fmt.Fprintln(os.Stderr, "oracle: cannot exchange questions and answers on standard input and output:", err)
		os.Exit(1)
	}
}
