// kube-apiserver's audit backend without the API server around it: its flags, its defaults and its code, fed with numbered events.
package main

import (
	"fmt"
	"log"
	"time"

	"github.com/spf13/pflag"
	authn "k8s.io/api/authentication/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options"
)

func main() {
	flags := pflag.CommandLine
	name := flags.String("name", "kube", "what the audit ids begin with")
	count := flags.Int("count", 1, "events")
	interval := flags.Duration("interval", time.Second, "between events")
	audits := options.NewAuditOptions()
	audits.AddFlags(flags)
	pflag.Parse()
	if errs := audits.Validate(); len(errs) > 0 {
		log.Fatal(errs)
	}
	var config server.Config
	if err := audits.ApplyTo(&config); err != nil {
		log.Fatal(err)
	}
	if config.AuditBackend == nil {
		log.Fatal("the flags turn no audit backend on")
	}
	stop := make(chan struct{})
	if err := config.AuditBackend.Run(stop); err != nil {
		log.Fatal(err)
	}
	ticker := time.NewTicker(*interval)
	for n := 1; n <= *count; n++ {
		if !config.AuditBackend.ProcessEvents(event(fmt.Sprintf("%s-%05d", *name, n))) {
			log.Printf("event %d was not taken", n)
		}
		<-ticker.C
	}
	close(stop)
	config.AuditBackend.Shutdown()
}

// A request that was answered, as the API server would note it.
func event(id string) *audit.Event {
	now := meta.NowMicro()
	return &audit.Event{
		Level:      audit.LevelMetadata,
		AuditID:    types.UID(id),
		Stage:      audit.StageResponseComplete,
		RequestURI: "/api/v1/namespaces/shop/secrets/till",
		Verb:       "get",
		User: authn.UserInfo{
			Username: "anna@example.org",
			Groups:   []string{"system:authenticated"},
		},
		SourceIPs: []string{"192.0.2.7"},
		UserAgent: "kubectl/v1.37.2",
		ObjectRef: &audit.ObjectReference{
			Resource: "secrets", Namespace: "shop", Name: "till", APIVersion: "v1",
		},
		ResponseStatus:           &meta.Status{Code: 200},
		RequestReceivedTimestamp: now,
		StageTimestamp:           now,
		Annotations:              map[string]string{"authorization.k8s.io/decision": "allow"},
	}
}
