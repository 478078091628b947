package graphendpoint

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Token is a credential that is one bearer token, for as long as that is valid.
type Token string

// GetToken returns the token, whatever the scope.
func (t Token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(t), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// String hides the token from logs.
func (Token) String() string { return "graphendpoint.Token(hidden)" }

// GoString hides the token from logs.
func (Token) GoString() string { return "graphendpoint.Token(hidden)" }
