# Writes outside by way of dots.
cat > /dev/null
echo x > "$HOME/../home/canary"
