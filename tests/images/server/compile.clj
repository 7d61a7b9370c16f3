;; compile.clj CLASSES JAR: compiles trapperkeeper and every service that the server can start to CLASSES and
;; packs them, sorted and with one time, into JAR.
(import '[java.io File FileOutputStream]
        '[java.nio.file Files]
        '[java.util.zip ZipEntry ZipOutputStream])
(require '[clojure.string :as string])

(let [[classes jar] *command-line-args*
      ;; A bootstrap file has lines of the form namespace/service.
      namespaces (fn [file]
                   (->> (string/split-lines (slurp file))
                        (map string/trim)
                        (remove #(or (empty? %) (string/starts-with? % "#")))
                        (map #(symbol (first (string/split % #"/"))))))
      root (File. ^String classes)]
  (binding [*compile-path* classes]
    (run! compile
          (distinct (concat ['puppetlabs.trapperkeeper.main
                             'puppetlabs.services.ca.certificate-authority-disabled-service]
                            (namespaces "/etc/puppetlabs/puppetserver/services.d/ca.cfg")
                            (namespaces "/usr/share/puppetserver/config/services.d/bootstrap.cfg")))))
  (with-open [zip (ZipOutputStream. (FileOutputStream. ^String jar))]
    (doseq [^File file (sort (filter #(.isFile ^File %) (file-seq root)))]
      (.putNextEntry zip (doto (ZipEntry. (str (.relativize (.toPath root) (.toPath file))))
                           (.setTime 1767225600000)))
      (Files/copy (.toPath file) zip)
      (.closeEntry zip))))
(shutdown-agents)
