// GO111MODULE=off GOPATH=/usr/share/gocode go run render.go CHART RELEASE [OVERRIDES.json]
// A chart as Helm renders it: Go's templates with Sprig's functions, which Helm's engine is made of, and those few that Helm adds and charts of ours may use
// (https://helm.sh/docs/chart_template_guide/function_list/). Needs Debian's golang-go and golang-github-masterminds-sprig-dev.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Helm reads YAML by way of JSON: every number is a float64.
func read(file string) map[string]interface{} {
	text, err := os.ReadFile(file)
	check(err)
	var raw interface{}
	check(yaml.Unmarshal(text, &raw))
	plain, err := json.Marshal(raw)
	check(err)
	values := map[string]interface{}{}
	check(json.Unmarshal(plain, &values))
	return values
}

// What is overridden takes the place of what is there; maps are merged.
func merge(to, from map[string]interface{}) {
	for key, value := range from {
		below, isMap := value.(map[string]interface{})
		if there, isThere := to[key].(map[string]interface{}); isMap && isThere {
			merge(there, below)
		} else {
			to[key] = value
		}
	}
}

func toYaml(value interface{}) (string, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	err := encoder.Encode(value)
	return strings.TrimSuffix(text.String(), "\n"), err
}

func main() {
	if len(os.Args) < 3 || len(os.Args) > 4 {
		check(errors.New("usage: render.go CHART RELEASE [OVERRIDES.json]"))
	}
	folder := os.Args[1]
	chart, values := read(filepath.Join(folder, "Chart.yaml")), read(filepath.Join(folder, "values.yaml"))
	if len(os.Args) == 4 {
		merge(values, read(os.Args[3]))
	}
	all := template.New("gotpl").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["toYaml"] = toYaml
	functions["include"] = func(name string, data interface{}) (string, error) {
		var text bytes.Buffer
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, errors.New(message)
		}
		return value, nil
	}
	all.Funcs(functions)
	files, err := filepath.Glob(filepath.Join(folder, "templates", "*"))
	check(err)
	sort.Strings(files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(err)
		_, err = all.New(filepath.Base(file)).Parse(string(text))
		check(err)
	}
	context := map[string]interface{}{
		"Values":  values,
		"Release": map[string]interface{}{"Name": os.Args[2], "Namespace": "default", "Service": "Helm", "IsInstall": true, "IsUpgrade": false, "Revision": 1},
		"Chart":   map[string]interface{}{"Name": chart["name"], "Version": chart["version"], "AppVersion": chart["appVersion"]},
	}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var text bytes.Buffer
		check(all.ExecuteTemplate(&text, name, context))
		fmt.Printf("---\n# Source: %s\n%s\n", name, strings.ReplaceAll(text.String(), "<no value>", ""))
	}
}
