package pgserver

import "context"

// On looks for servers on a machine made up below root.
func (o Options) On(root, path string) Options {
	o.machine = &layout{root: root, path: path}
	return o
}

// Installed are the folders of the servers on a machine made up below root,
// as they are run by the server's user of dir.
func Installed(ctx context.Context, dir, root, path string) ([]string, error) {
	who, err := runAs(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, i := range (layout{root: root, path: path}).installed(ctx, who) {
		all = append(all, i.bin)
	}
	return all, nil
}
