package dovecot

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

func (s *Server) configFile() string { return filepath.Join(s.dir, "dovecot.conf") }
func (s *Server) logFile() string    { return filepath.Join(s.dir, "log") }
func (s *Server) usersFile() string  { return filepath.Join(s.dir, "users") }

// configText is the configuration of Dovecot 2.3. Of the special folders none is made
// automatically: whoever creates one of these names gets its role (RFC 6154).
const configText = `
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
log_path = {{.Dir}}/log
instance_name = {{.Dir}}
protocols = imap
listen = {{.Host}}
ssl = yes
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
disable_plaintext_auth = {{.DisablePlaintext}}
auth_failure_delay = 0
default_internal_user = {{.InternalUser}}
default_internal_group = {{.InternalGroup}}
default_login_user = {{.LoginUser}}
mail_uid = {{.UID}}
mail_gid = {{.GID}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = {{.Format}}:~/{{.Format}}
mail_fsync = {{.Fsync}}
mail_max_userip_connections = {{.MaxUserIPConnections}}
passdb {
  driver = passwd-file
  args = {{.Dir}}/users
}
userdb {
  driver = static
  args = uid={{.UID}} gid={{.GID}} home={{.Dir}}/mail/%u
}
service imap-login {
  {{.Chroot}}
  inet_listener imap {
    port = {{.PlainPort}}
  }
  inet_listener imaps {
    port = {{.TLSPort}}
    ssl = yes
  }
}
service anvil {
  {{.Chroot}}
  # Refused logins are not punished with delays.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
namespace inbox {
  inbox = yes
  separator = {{.Separator}}
  prefix = {{.Prefix}}
  mailbox Archive {
    special_use = \Archive
  }
  mailbox Drafts {
    special_use = \Drafts
  }
  mailbox Junk {
    special_use = \Junk
  }
  mailbox Sent {
    special_use = \Sent
  }
  mailbox Trash {
    special_use = \Trash
  }
}
{{if .Quota}}
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = count:User quota
  quota_rule = *:bytes={{.Quota}}
  quota_vsizes = yes
}
{{end}}
{{.ExtraConfig}}
`

// settings are what configText is filled with.
type settings struct {
	Config
	identity
	Dir, Host, PlainPort, TLSPort, DisablePlaintext, Fsync string
}

func (s *Server) writeConfig() error {
	id, err := currentIdentity()
	if err != nil {
		return err
	}
	values := settings{
		Config: s.config, identity: id, Dir: s.dir,
		Host: s.host(), PlainPort: s.ports.plain, TLSPort: s.ports.tls,
		DisablePlaintext: "no", Fsync: "optimized",
	}
	if s.config.DisablePlaintext {
		values.DisablePlaintext = "yes"
	}
	if s.config.NoFsync {
		values.Fsync = "never"
	}
	var text strings.Builder
	if err := template.Must(template.New("").Parse(configText)).Execute(&text, values); err != nil {
		return err
	}
	return os.WriteFile(s.configFile(), []byte(text.String()), 0o644)
}

// identity is who the processes of a server run as.
type identity struct {
	UID, GID                               int
	InternalUser, InternalGroup, LoginUser string
	Chroot                                 string
}

// currentIdentity returns an identity that the running user can take on. Dovecot serves no mail as
// root, and lets nobody else change user or root directory.
func currentIdentity() (identity, error) {
	if os.Geteuid() == 0 {
		mail, err := user.Lookup("dovecot")
		if err != nil {
			return identity{}, err
		}
		id := identity{InternalUser: "dovecot", InternalGroup: "dovecot", LoginUser: "dovenull"}
		id.UID, id.GID, err = numbers(mail)
		return id, err
	}
	me, err := user.Current()
	if err != nil {
		return identity{}, err
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		return identity{}, err
	}
	id := identity{InternalUser: me.Username, InternalGroup: group.Name, LoginUser: me.Username, Chroot: "chroot ="}
	id.UID, id.GID, err = numbers(me)
	return id, err
}

func numbers(u *user.User) (uid, gid int, err error) {
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}

// writeUsers writes the passwords, encoded so that they may hold any character.
func (s *Server) writeUsers() error {
	var text strings.Builder
	for _, u := range s.config.Users {
		fmt.Fprintf(&text, "%s:{PLAIN.B64}%s\n", u.Name, base64.StdEncoding.EncodeToString([]byte(u.Password)))
	}
	return os.WriteFile(s.usersFile(), []byte(text.String()), 0o644)
}

func (s *Server) makeMailRoot() error {
	if err := os.Mkdir(s.Dir(), 0o755); err != nil {
		return err
	}
	id, err := currentIdentity()
	if err != nil {
		return err
	}
	return os.Chown(s.Dir(), id.UID, id.GID)
}
