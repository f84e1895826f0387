package dependency

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALicenceIsKnownByItsWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"Apache License\n  Version 2.0, January 2004\n\nTERMS":                                                                    {"Apache-2.0"},
		"// Permission is hereby granted, free of charge, to any\n// person obtaining a copy":                                     {"MIT"},
		"Permission to use, copy, modify, and/or distribute this software for any\npurpose with or without fee is hereby granted": {"ISC"},
		"Redistribution and use in source and binary forms, with or without\n" +
			" * modification, are permitted provided that the following conditions are\n * met:": {"BSD"},
		"Mozilla Public License Version 2.0\n… the GNU General Public License, Version 2.0 …": {"MPL-2.0"},
		"GNU GENERAL PUBLIC LICENSE\nVersion 3":                                               {"GPL"},
		"Business Source License 1.1":                                                         {"BUSL"},
		"All rights reserved.":                                                                nil,
	} {
		require.Equal(t, want, classify(text), "%s", text)
	}
}

func TestAModuleWithoutAKnownLicenceIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := licences(dir)
	require.ErrorContains(t, err, "holds no licence")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "LICENSE"), []byte("Ask us first."), 0o600))
	_, err = licences(dir)
	require.ErrorContains(t, err, "no licence that is known")
}

func TestOnlyPermissiveLicencesShip(t *testing.T) {
	t.Parallel()
	require.NoError(t, Refused([]Module{{Licences: []string{"MIT", "BSD"}, Ships: true}, {Licences: []string{"MPL-2.0"}}}))
	require.ErrorContains(t, Refused([]Module{{Path: "example.com/m", Licences: []string{"MPL-2.0"}, Ships: true}}), "example.com/m")
	require.Error(t, Refused([]Module{{Licences: []string{"GPL", "MIT"}}}))
}
