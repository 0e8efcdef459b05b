# Starts 200 processes that stay.
cat > /dev/null
for i in $(seq 200); do sleep 1000 & done
