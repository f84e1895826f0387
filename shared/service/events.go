package service

import (
	"net/http"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/mallhive/product-service/shared/auth"
	"github.com/mallhive/product-service/shared/fault"
)

// EventAuth is the check of a CloudEvent's sender that EVENT_AUTH chooses.
func (s *Service) EventAuth(c EventConfig) func(*http.Request) error {
	if c.EventAuth == "network" {
		s.Log.Warn("EVENT_AUTH is network: anyone who reaches POST / may send events; only a security group keeps others out")
		return func(*http.Request) error { return nil }
	}
	verifier := auth.NewVerifier(auth.Config{Issuers: s.config.AuthIssuers, Audience: c.EventAudience})
	return func(r *http.Request) error {
		token, err := auth.Bearer(r)
		if err != nil {
			return err
		}
		if token == "" {
			return fault.New(fault.Unauthenticated, "token_required", "a delivery needs the token of its Trigger")
		}
		caller, err := verifier.Verify(r.Context(), token)
		if err != nil {
			return err
		}
		if !c.knows(caller.Subject) {
			s.Log.Warn("event refused", zap.String("subject", caller.Subject))
			return fault.New(fault.Denied, "not_our_trigger", "this subject may not deliver events here")
		}
		return nil
	}
}

// knows says whether a subject is one of EVENT_SUBJECTS. An entry that ends in
// * means all that begin so, as in an EventPolicy: a broker made of channels
// sends dead letters in the name of a Subscription with a generated name.
func (c EventConfig) knows(subject string) bool {
	return slices.ContainsFunc(c.EventSubjects, func(known string) bool {
		prefix, open := strings.CutSuffix(known, "*")
		return known == subject || (open && strings.HasPrefix(subject, prefix))
	})
}
