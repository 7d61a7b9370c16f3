package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// The provisioner gives every claim of the default StorageClass a folder of this machine, and deletes it with the
// volume. Kubernetes' own for tests makes folders that only root can write.

const (
	storageClass    = "local"
	provisionerName = "devcluster/local"
	// resync is how soon something that failed is tried again.
	resync = 5 * time.Second
)

type provisioner struct {
	api    kubernetes.Interface
	folder string
}

// provision is the provisioner's main: `provisioner KUBECONFIG FOLDER`.
func provision() int {
	api, err := client(os.Args[1])
	if err != nil {
		log.Print(err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	p := provisioner{api: api, folder: os.Args[2]}
	factory := informers.NewSharedInformerFactory(api, resync)
	follow(factory.Core().V1().PersistentVolumeClaims().Informer(), func(claim *corev1.PersistentVolumeClaim) error { return p.provide(ctx, claim) })
	follow(factory.Core().V1().PersistentVolumes().Informer(), func(volume *corev1.PersistentVolume) error { return p.reclaim(ctx, volume) })
	factory.Start(ctx.Done())
	<-ctx.Done()
	return 0
}

// follow calls `handle` for what is there, for every change, and for everything again at every resync.
func follow[T any](informer cache.SharedIndexInformer, handle func(T) error) {
	seen := func(object any) {
		if typed, fits := object.(T); fits {
			if err := handle(typed); err != nil {
				log.Printf("%v (tried again in %s)", err, resync)
			}
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: seen, UpdateFunc: func(_, object any) { seen(object) }})
	if err != nil {
		log.Print(err)
	}
}

// provide makes the volume for a claim.
func (p provisioner) provide(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	class := claim.Spec.StorageClassName
	if class == nil || *class != storageClass || claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil {
		return nil
	}
	name := "pvc-" + string(claim.UID)
	path := filepath.Join(p.folder, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	// Containers of any user in group 0 can write, and what they make stays in that group.
	if err := os.Chmod(path, 0o770|os.ModeSetgid); err != nil {
		return err
	}
	kind := corev1.HostPathDirectory
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": provisionerName}},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      claim.Spec.Resources.Requests,
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              storageClass,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &kind}},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
		},
	}
	_, err := p.api.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err == nil {
		log.Printf("made %s for %s/%s", name, claim.Namespace, claim.Name)
	}
	return err
}

// reclaim deletes the folder of a volume whose claim is gone, and then the volume.
func (p provisioner) reclaim(ctx context.Context, volume *corev1.PersistentVolume) error {
	if volume.Annotations["pv.kubernetes.io/provisioned-by"] != provisionerName || volume.Status.Phase != corev1.VolumeReleased ||
		volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete || volume.DeletionTimestamp != nil {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(p.folder, volume.Name)); err != nil {
		return err
	}
	err := p.api.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		log.Printf("removed %s", volume.Name)
	}
	return err
}
