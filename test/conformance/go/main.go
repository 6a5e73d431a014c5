// Reads one JSON object a line, asks Okta's verifier about its token, and answers "accepted" or "rejected: why".
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	verifier "github.com/okta/okta-jwt-verifier-golang/v2"
)

type question struct {
	Issuer, Audience, ClientId, Token string
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Println(answer(lines.Bytes()))
	}
}

func answer(line []byte) string {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return "rejected: " + err.Error()
	}
	setup := verifier.JwtVerifier{
		Issuer:           asked.Issuer,
		ClaimsToValidate: map[string]string{"aud": asked.Audience, "cid": asked.ClientId},
	}
	okta, err := setup.New()
	if err != nil {
		return "rejected: " + err.Error()
	}
	if _, err := okta.VerifyAccessToken(asked.Token); err != nil {
		return "rejected: " + err.Error()
	}
	return "accepted"
}
