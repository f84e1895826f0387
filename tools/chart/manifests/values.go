package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// describeValues writes the chart's values, with what values.yaml says of each,
// between the marks of its README.
func describeValues(chart string) error {
	text, err := os.ReadFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	var table bytes.Buffer
	table.WriteString("| value | default | meaning |\n| --- | --- | --- |\n")
	if err := describe(&table, "", document.Content[0]); err != nil {
		return err
	}
	file := filepath.Join(chart, "README.md")
	readme, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const from, to = "<!-- values -->\n", "<!-- /values -->"
	before, rest, marked := strings.Cut(string(readme), from)
	_, after, ended := strings.Cut(rest, to)
	if !marked || !ended {
		return fmt.Errorf("%s has no %s%s", file, from, to)
	}
	return os.WriteFile(file, []byte(before+from+table.String()+to+after), 0o644)
}

// describe writes a row for each value, and one for each group that is explained.
func describe(table *bytes.Buffer, prefix string, group *yaml.Node) error {
	for i := 0; i < len(group.Content); i += 2 {
		key, value := group.Content[i], group.Content[i+1]
		path, meaning := prefix+key.Value, explained(key.HeadComment)
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 && value.Style != yaml.FlowStyle {
			if meaning != "" {
				fmt.Fprintf(table, "| `%s` | | %s |\n", path, meaning)
			}
			if err := describe(table, path+".", value); err != nil {
				return err
			}
			continue
		}
		value.HeadComment, value.FootComment, value.LineComment = "", "", ""
		value.Style |= yaml.FlowStyle
		shown, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "| `%s` | `%s` | %s |\n", path, strings.Join(strings.Fields(string(shown)), " "), meaning)
	}
	return nil
}

// explained is a comment as one line; titles of sections are no part of it.
func explained(comment string) string {
	blocks := strings.Split(comment, "\n\n")
	var words []string
	for _, line := range strings.Split(blocks[len(blocks)-1], "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(line, "#"))
		if !strings.HasPrefix(line, "----") {
			words = append(words, line)
		}
	}
	return strings.ReplaceAll(strings.TrimSpace(strings.Join(words, " ")), "|", `\|`)
}
