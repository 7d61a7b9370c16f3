;; compile.clj CLASSES JAR: compiles trapperkeeper and every service that the server can start to CLASSES and packs
;; them, sorted, into JAR.
;;
;; Clojure loads a class only when it is newer than the source of its namespace (clojure.lang.RT/load). A namespace
;; whose source is newer is compiled again at start, against classes of the jar, and that fails. So every entry of JAR
;; is dated one day after the newest source on the class path: a day, because a zip entry may hold local time without
;; a zone. The same packages give the same jar.
(import '[java.io File FileOutputStream]
        '[java.nio.file Files]
        '[java.nio.file.attribute FileTime]
        '[java.util.jar JarFile]
        '[java.util.zip ZipEntry ZipOutputStream])
(require '[clojure.string :as string])

(defn class-path
  "Adds JAR, the jars that its manifest names, and theirs to the set SEEN."
  [seen ^File jar]
  (if (or (seen jar) (not (.isFile jar)))
    seen
    (let [value (with-open [opened (JarFile. jar)]
                  (some-> opened .getManifest .getMainAttributes (.getValue "Class-Path")))]
      (->> (string/split (or value "") #"\s+")
           (remove empty?)
           (map #(.getCanonicalFile (File. (.resolve (.toURI jar) ^String %))))
           (reduce class-path (conj seen jar))))))

(defn newest-source
  "Time of the newest Clojure source in JAR in milliseconds since 1970; 0 if it holds none."
  [^File jar]
  (with-open [opened (JarFile. jar)]
    (->> (enumeration-seq (.entries opened))
         (filter #(re-find #"\.cljc?$" (.getName ^ZipEntry %)))
         (map #(.getTime ^ZipEntry %))
         (reduce max 0))))

(let [[classes jar] *command-line-args*
      ;; A bootstrap file has lines of the form namespace/service.
      namespaces (fn [file]
                   (->> (string/split-lines (slurp file))
                        (map string/trim)
                        (remove #(or (empty? %) (string/starts-with? % "#")))
                        (map #(symbol (first (string/split % #"/"))))))
      root (File. ^String classes)
      jars (->> (string/split (System/getProperty "java.class.path") #":")
                (map #(.getCanonicalFile (File. ^String %)))
                (reduce class-path #{}))
      day (* 24 60 60 1000)
      stamp (FileTime/fromMillis (+ day (reduce max (map newest-source jars))))]
  (binding [*compile-path* classes]
    (run! compile
          (distinct (concat ['puppetlabs.trapperkeeper.main
                             'puppetlabs.services.ca.certificate-authority-disabled-service]
                            (namespaces "/etc/puppetlabs/puppetserver/services.d/ca.cfg")
                            (namespaces "/usr/share/puppetserver/config/services.d/bootstrap.cfg")))))
  (with-open [zip (ZipOutputStream. (FileOutputStream. ^String jar))]
    (doseq [^File file (sort (filter #(.isFile ^File %) (file-seq root)))]
      (.putNextEntry zip (doto (ZipEntry. (str (.relativize (.toPath root) (.toPath file))))
                           (.setLastModifiedTime stamp)))
      (Files/copy (.toPath file) zip)
      (.closeEntry zip)))
  (println "compiled" (count jars) "jars' services; classes are dated" (str stamp)))
(shutdown-agents)
