package pgserver

// DownloadOnly passes over installed servers, as on a machine that has none.
func (o Options) DownloadOnly() Options {
	o.downloadOnly = true
	return o
}
