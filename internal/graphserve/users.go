package graphserve

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// sku is a licence that the tenant bought.
type sku struct {
	id, part        string
	units, consumed int
}

func userRoutes(handle func(string, handler)) {
	handle("GET /users", func(c *call) (response, error) { return c.list(c.s.directory()) })
	handle("POST /users", createUser)
	handle("GET /users/{user}", getUser)
	handle("PATCH /users/{user}", updateUser)
	handle("POST /users/{user}/assignLicense", assignLicense)
	handle("GET /subscribedSkus", listSKUs)
}

// directory are the entries of all users.
func (s *Server) directory() []*node {
	var list []*node
	for _, u := range s.users {
		if u.absent == 0 {
			list = append(list, u.node)
		}
	}
	return list
}

// findUser finds a user by ID or principal name, or by the ID of the mailbox.
func (s *Server) findUser(name string) *user {
	for _, u := range s.users {
		if name == u.node.id || name == u.mailboxID || strings.EqualFold(name, text(u.node.fields["userPrincipalName"])) {
			return u
		}
	}
	return nil
}

// hasProxy says whether an address is among those of any user.
func (s *Server) hasProxy(address string) bool {
	return slices.ContainsFunc(s.users, func(u *user) bool {
		list, _ := u.node.fields["proxyAddresses"].([]any) // a user may have none
		return slices.ContainsFunc(list, func(proxy any) bool { return strings.EqualFold(text(proxy), "smtp:"+address) })
	})
}

// newUser adds a user to the directory, without mailbox.
func (s *Server) newUser(fields object) *user {
	id := fmt.Sprintf("%08x-0000-4000-8000-%012x", len(s.users)+1, s.next())
	u := &user{
		server: s, tag: fmt.Sprintf("%x", len(s.users)), mailboxID: "MBX:" + id + "@graphserve.example",
		byID: map[string]*node{}, hidden: map[*node]bool{}, occurrences: map[string]occurrence{},
	}
	root := &node{kind: kindRoot}
	u.node = &node{kind: kindUser, id: id, immutable: id, parent: root, fields: fields, version: s.next()}
	s.users = append(s.users, u)
	return u
}

// entry is the user of a call. A new one is not known everywhere at once.
func (c *call) entry() (*user, error) {
	u := c.user
	if u == nil {
		return nil, errUnknownUser()
	}
	if u.absent > 0 {
		u.absent--
		return nil, errUnknownUser()
	}
	return u, nil
}

func getUser(c *call) (response, error) {
	u, err := c.entry()
	if err != nil {
		return response{}, err
	}
	return c.get(u.node)
}

// createUser makes a user; a name that is taken is told apart by its message only.
func createUser(c *call) (response, error) {
	fields, err := c.decode()
	if err != nil {
		return response{}, err
	}
	for _, name := range []string{"accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"} {
		if fields[name] == nil {
			return response{}, badRequest("Request_BadRequest", "A value is required for property '"+name+"' of resource 'User'.")
		}
	}
	if c.s.findUser(text(fields["userPrincipalName"])) != nil {
		return response{}, badRequest("Request_BadRequest", "Another object with the same value for property userPrincipalName already exists.")
	}
	if c.s.hasProxy(text(fields["userPrincipalName"])) {
		return response{}, badRequest("Request_BadRequest", "Another object with the same value for property proxyAddresses already exists.")
	}
	delete(fields, "passwordProfile")
	fields["mail"], fields["proxyAddresses"] = nil, []any{}
	fields["userType"], fields["assignedPlans"], fields["assignedLicenses"] = "Member", []any{}, []any{}
	u := c.s.newUser(fields)
	u.absent = c.s.quirks.DirectoryDelay
	return c.made(u.node)
}

func updateUser(c *call) (response, error) {
	u, err := c.entry()
	if err != nil {
		return response{}, err
	}
	changes, err := c.decode()
	if err != nil {
		return response{}, err
	}
	if changes["mail"] != nil || changes["proxyAddresses"] != nil {
		return response{}, badRequest("Request_BadRequest", "Property 'proxyAddresses' is read-only and cannot be set.")
	}
	maps.Copy(u.node.fields, changes)
	return noContent()
}

// assignLicense gives and takes licences. With the first one that has Exchange, the mailbox comes, after a while.
func assignLicense(c *call) (response, error) {
	u, err := c.entry()
	if err != nil {
		return response{}, err
	}
	body, err := c.decode()
	if err != nil {
		return response{}, err
	}
	add, hasAdd := body["addLicenses"].([]any)
	remove, hasRemove := body["removeLicenses"].([]any)
	if !hasAdd || !hasRemove {
		return response{}, badRequest("Request_BadRequest", "Parameters addLicenses and removeLicenses are both required.")
	}
	if text(u.node.fields["usageLocation"]) == "" && len(add) > 0 {
		return response{}, badRequest("Request_BadRequest", "License assignment cannot be done for user with invalid usage location.")
	}
	for _, id := range remove {
		u.licences = slices.DeleteFunc(u.licences, func(have string) bool { return have == id })
	}
	for _, entry := range add {
		licence, _ := entry.(object) // the empty ID is refused
		if err := c.s.license(u, text(licence["skuId"])); err != nil {
			return response{}, err
		}
	}
	assigned := []any{}
	for _, id := range u.licences {
		assigned = append(assigned, object{"skuId": id, "disabledPlans": []any{}})
	}
	u.node.fields["assignedLicenses"] = assigned
	return c.get(u.node)
}

func (s *Server) license(u *user, id string) error {
	if slices.Contains(u.licences, id) {
		return nil
	}
	i := slices.IndexFunc(s.skus, func(k *sku) bool { return k.id == id })
	if i < 0 {
		return badRequest("Request_BadRequest", "License "+id+" does not correspond to a valid company License.")
	}
	if s.skus[i].consumed >= s.skus[i].units {
		return badRequest("Request_BadRequest", "Subscription with SKU "+id+" does not have any available licenses.")
	}
	s.skus[i].consumed++
	u.licences = append(u.licences, id)
	u.node.fields["assignedPlans"] = []any{object{"service": "exchange", "capabilityStatus": "Enabled", "servicePlanId": id}}
	if !u.mailbox {
		name := u.node.fields["userPrincipalName"]
		u.node.fields["mail"] = name
		u.node.fields["proxyAddresses"] = []any{fmt.Sprintf("SMTP:%v", name)}
		u.openMailbox()
		u.notYet = s.quirks.MailboxDelay
	}
	return nil
}

func listSKUs(c *call) (response, error) {
	rows := []object{}
	for _, k := range c.s.skus {
		rows = append(rows, object{
			"id": "tenant_" + k.id, "skuId": k.id, "skuPartNumber": k.part, "capabilityStatus": "Enabled", "appliesTo": "User",
			"consumedUnits": k.consumed, "prepaidUnits": object{"enabled": k.units, "suspended": 0, "warning": 0},
		})
	}
	return response{status: http.StatusOK, value: object{"value": rows}}, nil
}

// userDefaults are the fields of a user that show without $select.
func userDefaults() map[string]bool {
	return map[string]bool{
		"businessPhones": true, "displayName": true, "givenName": true, "jobTitle": true, "mail": true, "mobilePhone": true,
		"officeLocation": true, "preferredLanguage": true, "surname": true, "userPrincipalName": true,
	}
}
