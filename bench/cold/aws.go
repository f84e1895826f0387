package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// awsEnv is what a function on EKS is given to find its secret: a role and a
// token for it (IRSA). Both services of AWS are the theatre's server.
func (s *theatre) awsEnv(dir, function string) []string {
	return []string{
		"DATABASE_SECRET_ID=" + function, "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + s.Server.URL + "/secrets", "AWS_ENDPOINT_URL_STS=" + s.Server.URL + "/sts",
		"AWS_ROLE_ARN=arn:aws:iam::111122223333:role/cold", "AWS_WEB_IDENTITY_TOKEN_FILE=" + filepath.Join(dir, "identity"),
	}
}

func writeIdentity(dir string) error {
	return os.WriteFile(filepath.Join(dir, "identity"), []byte("token"), 0o600)
}

// answerSecret gives the login of the function that the secret is named after,
// in RDS's form.
func (s *theatre) answerSecret(w http.ResponseWriter, r *http.Request) {
	var in struct{ SecretId string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	u, err := url.Parse(s.Login(in.SecretId))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	port := cmp.Or(u.Port(), "5432")
	login, err := json.Marshal(map[string]any{
		"username": u.User.Username(), "password": s.Password(), "host": u.Hostname(), "port": json.Number(port),
		"dbname": strings.TrimPrefix(u.Path, "/"), "sslmode": "disable",
	})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"Name": in.SecretId, "SecretString": string(login)})
}

// answerRole gives the credentials of AssumeRoleWithWebIdentity.
func answerRole(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprint(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`+
		`<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>cold</AccessKeyId><SecretAccessKey>cold</SecretAccessKey>`+
		`<SessionToken>cold</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>`+
		`<AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/cold/cold</Arn><AssumedRoleId>cold</AssumedRoleId></AssumedRoleUser>`+
		`</AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>cold</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>`)
}
