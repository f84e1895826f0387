package dependency

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// marks are sentences that only this licence has, in lower case and with
// single spaces.
var marks = []struct{ name, sentence string }{
	{"Apache-2.0", "apache license version 2.0, january 2004"},
	{"Apache-2.0", "licensed under the apache license, version 2.0"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted"},
	{"BSD", "redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"public domain", "been put into the public domain"},
	{"Commons Clause", "commons clause"},
	{"BUSL", "business source license"},
	{"SSPL", "server side public license"},
	{"GPL", "gnu general public license"},
	{"LGPL", "gnu lesser general public license"},
	{"AGPL", "gnu affero general public license"},
	{"CC", "creative commons"},
}

// What may be used: the permissive licences everywhere; what never leaves this
// machine may also have one that asks for changes to its own files only.
func permitted(ships bool) []string {
	permissive := []string{"Apache-2.0", "BSD", "ISC", "MIT"}
	if ships {
		return permissive
	}
	return append(permissive, "MPL-2.0", "public domain")
}

// licences names the licences whose text a module's folder holds.
func licences(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		found := classify(string(text))
		if len(found) == 0 {
			return nil, fmt.Errorf("%s holds no licence that is known here", filepath.Join(dir, entry.Name()))
		}
		names = append(names, found...)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s holds no licence", dir)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

var (
	licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)(\.(md|txt|libyaml|[a-z]+))?$`)
	spaces      = regexp.MustCompile(`[\s*#/>-]+`)
)

func classify(text string) []string {
	plain := strings.TrimSpace(spaces.ReplaceAllString(strings.ToLower(text), " "))
	var found []string
	for _, m := range marks {
		if strings.Contains(plain, spaces.ReplaceAllString(m.sentence, " ")) {
			found = append(found, m.name)
		}
	}
	// The Mozilla licence speaks of the GNU ones, as others that may be added.
	if slices.Contains(found, "MPL-2.0") {
		found = slices.DeleteFunc(found, func(name string) bool { return strings.HasSuffix(name, "GPL") })
	}
	return found
}
