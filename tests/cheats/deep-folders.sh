# Makes folders deeper than the system can name.
cat > /dev/null
i=0; n=$(printf 'd%.0s' $(seq 200)); while [ $i -lt 30 ]; do mkdir $n && cd $n; i=$((i+1)); done
