// Package webtest has what tests over HTTP share.
package webtest

import (
	"net/http"
	"time"
)

// Client has connections of its own. Those of http.DefaultClient are cut by the
// end of any httptest.Server in the same process: a test beside it that is about
// to send over one of them would fail.
var Client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}, Timeout: time.Minute}
